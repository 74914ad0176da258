import { Failure } from './failure.ts';
import { quoted } from './quoted.ts';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Reads a duration such as 90, 90s, 2m, 1h, 1d or 500ms; without a unit it is seconds.
 * @param name of the variable or option, for the message
 * @param kind the kind of failure for a wrong value: `usage` for an option, `config` for a variable
 * @returns milliseconds
 * @throws Failure 64 or 78
 */
export function readDuration(name: string, text: string, kind: 'usage' | 'config' = 'config'): number {
  const [, number, unit = 's'] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  if (number === undefined)
    throw new Failure(kind, `${name} ${quoted(text)} is not a duration`, 'write for example 90, 90s or 2m');
  return Math.round(Number(number) * unitMs[unit as keyof typeof unitMs]);
}

/** Seconds in each unit of an age, the largest first. */
const ageUnits = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
] as const;

/**
 * How long ago something was, in its largest unit, rounded down: `12s`, `5m`, `3h`, `40d`.
 * @param since ISO 8601
 * @param nowMs milliseconds since 1970
 */
export function formatAge(since: string, nowMs: number): string {
  // A time may be in the future after the clock was set back.
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(since)) / 1000));
  const [unit, worth] = ageUnits.find(([, worth]) => seconds >= worth) ?? ['s', 1];
  return `${Math.floor(seconds / worth)}${unit}`;
}
