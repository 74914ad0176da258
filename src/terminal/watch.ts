import { setTimeout as pause } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { print } from './print.ts';

/** Seconds between two looks, unless told. */
export const defaultWatchSeconds = 2;

/**
 * Shows something again and again until a signal ends it: in place on a terminal; elsewhere one below the other, each
 * with its time, or without anything between them for programs.
 * @param every seconds between two looks; true: the default
 * @param look what is to be shown, with the end of its last line, and when it was so
 */
export async function watch(
  every: number | true,
  forPrograms: boolean,
  look: () => Promise<{ readonly text: string; readonly at: string }>,
): Promise<never> {
  for (;;) {
    const { text, at } = await look();
    const before = forPrograms ? '' : process.stdout.isTTY ? '\x1b[H\x1b[2J\x1b[3J' : `${at}\n`;
    await print(before + text);
    await pause((every === true ? defaultWatchSeconds : every) * 1000);
  }
}

/** Reads the option's number. @throws InvalidArgumentError */
export function watchSeconds(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && number >= 0.1 && number <= 86_400) return number;
  throw new InvalidArgumentError('It must be a number of seconds from 0.1 to 86400.');
}
