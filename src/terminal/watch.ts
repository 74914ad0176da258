import { setTimeout as pause } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { isCapableTerminal } from './colors.ts';
import { print } from './print.ts';
import { openScreen } from './screen.ts';

/** Seconds between two updates, unless the option gives another number. */
export const defaultWatchSeconds = 2;

/** One update of the display. */
export interface Frame {
  /** Whole lines, each with its end. */
  readonly text: string;
  /** The time at which the data was read; ISO 8601, UTC. */
  readonly at: string;
}

/**
 * Fetches and shows a text repeatedly until a signal ends the process. On a terminal, each update replaces the one before, on
 * the alternate screen, so that the scrollback does not change. On a pipe or a file, or when TERM is empty or `dumb`, each
 * update is appended below its time; with --json, without the time.
 * @param every seconds between two updates; true: the default
 * @param env the environment, for TERM
 * @param look fetches one update; an error that it throws ends the watch
 */
export async function watch(
  every: number | true,
  forPrograms: boolean,
  env: Readonly<Record<string, string | undefined>>,
  look: () => Promise<Frame>,
): Promise<never> {
  const everyMs = (every === true ? defaultWatchSeconds : every) * 1000;
  // The first update is fetched before the screen changes, so that an error is printed on the normal screen.
  let frame = await look();
  if (!forPrograms && isCapableTerminal(process.stdout, env)) {
    const screen = openScreen(process.stdout);
    try {
      for (;;) {
        screen.show(frame.text);
        await pause(everyMs);
        frame = await look();
      }
    } finally {
      screen.close();
    }
  }
  for (;;) {
    await print(forPrograms ? frame.text : `${frame.at}\n${frame.text}`);
    await pause(everyMs);
    frame = await look();
  }
}

/** Parses the value of --watch. @throws InvalidArgumentError */
export function watchSeconds(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && number >= 0.1 && number <= 86_400) return number;
  throw new InvalidArgumentError('It must be a number of seconds from 0.1 to 86400.');
}
