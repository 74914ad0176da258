import type { Cron } from 'croner';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { type Retention, retentionKinds } from './retention.ts';

/** When snapshots are taken. */
export interface Schedule {
  /** Returns the first scheduled time after `timeMs`, in milliseconds since 1970; undefined when there is none. */
  nextAfter(timeMs: number): number | undefined;
}

/** When snapshots are taken, of which volumes, and which snapshots are kept. */
export interface SnapshotPlan extends Schedule {
  /** Whether snapshots of the volume with this name are scheduled. */
  includes(volume: string): boolean;
  readonly retention: Retention;
}

/**
 * Reads a schedule: cron expressions in UTC, separated by `;`.
 * @throws Failure usage
 */
export async function parseSchedule(text: string): Promise<Schedule> {
  // Imported only when there is a schedule: most commands, and many castles, have none.
  const { Cron } = await import('croner');
  const crons = text.split(';').map((expression) => readCron(Cron, expression.trim()));
  return {
    nextAfter(timeMs) {
      const times = crons.flatMap((cron) => cron.nextRun(new Date(timeMs))?.getTime() ?? []);
      return times.length === 0 ? undefined : Math.min(...times);
    },
  };
}

/**
 * Reads which volumes a schedule covers: names in which `*` and `?` are wildcards, separated by commas.
 * @returns whether the name of a volume matches
 * @throws Failure usage
 */
export function parseVolumeNames(text: string): (volume: string) => boolean {
  const patterns = text.split(',').map(readPattern);
  return (volume) => patterns.some((pattern) => pattern.test(volume));
}

function readCron(Maker: typeof Cron, expression: string): Cron {
  try {
    // Without a callback, Cron starts no timer; it only calculates times.
    return new Maker(expression, { timezone: 'UTC' });
  } catch (thrown) {
    throw wrong('--snapshot-schedule', expression, `use a cron expression (${errorMessage(thrown)})`);
  }
}

function readPattern(pattern: string): RegExp {
  if (!/^[A-Za-z0-9_.*?-]+$/.test(pattern)) {
    throw wrong('--snapshot-volumes', pattern, 'use volume names, with the wildcards * and ?');
  }
  const source = pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}

/**
 * Reads a retention, for example `last=3,hourly=24,daily=7,weekly=4,monthly=12`.
 * @throws Failure usage
 */
export function parseRetention(text: string): Retention {
  const retention: { -readonly [Kind in keyof Retention]: number } = {};
  for (const part of text.split(',')) {
    const [, name, number] = /^([a-z]+)=([1-9]\d{0,4})$/.exec(part) ?? [];
    const kind = retentionKinds.find((kind) => kind === name);
    if (kind === undefined || retention[kind] !== undefined) {
      throw wrong(
        '--snapshot-keep',
        part,
        `use each of ${retentionKinds.join(', ')} once, as in hourly=24,daily=7`,
      );
    }
    retention[kind] = Number(number);
  }
  return retention;
}

const wrong = (option: string, value: string, remedy: string): Failure =>
  new Failure('usage', `${option} has the invalid value ${JSON.stringify(value)}`, remedy);
