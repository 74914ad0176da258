import { spawn, spawnSync } from 'node:child_process';
import { Failure } from '../terminal/failure.ts';

/** How a program of the host ended. */
export interface ToolEnded {
  /** Its exit code; undefined when a signal ended it. */
  readonly code: number | undefined;
  /** The last line that it printed, or what kept it from running. */
  readonly lastLine: string;
}

/** More of what a program prints is not kept, in characters. */
const keptCharacters = 16 * 1024;

/**
 * Runs a program of the host to its end, however long that takes: one that changes a file system must not be cut off.
 * @param held a descriptor that it gets as its fourth; a lock on that file lasts until the program has ended, even when
 *   the castle ends before
 * @param stop ends it before its time, for one that changes nothing that counts
 */
export function runTool(
  program: string,
  args: readonly string[],
  held: number | 'ignore',
  stop?: AbortSignal,
): Promise<ToolEnded> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe', held],
      killSignal: 'SIGKILL',
      ...(stop === undefined ? {} : { signal: stop }),
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (part: Buffer) => {
        text = (text + part.toString('utf8')).slice(-keptCharacters);
      });
    }
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ code: undefined, lastLine: `it cannot be run: ${error.code ?? error.message}` }),
    );
    child.once('close', (code, signal) =>
      resolve({ code: code ?? undefined, lastLine: text.trim().split('\n').at(-1) || (signal ?? 'no word') }),
    );
  });
}

/**
 * Makes sure that the programs are there, before the first of them is needed.
 * @param origin the package that has them
 * @throws Failure config
 */
export function needTools(programs: readonly string[], origin: string): void {
  for (const program of programs) {
    const { error } = spawnSync(program, ['-V'], { stdio: 'ignore' });
    if (error !== undefined) {
      throw new Failure('config', `${program} cannot be run on this host`, `install ${origin}`);
    }
  }
}
