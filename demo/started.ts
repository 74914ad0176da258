import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';

/** A program that the demo has started, and what it has said. */
export interface Started {
  readonly pid: number;
  /** Its output, both streams, line by line. */
  readonly lines: readonly string[];
  /** Exit code, or 128+n after signal n; undefined while it runs. */
  code(): number | undefined;
  /** Resolves with the exit code when it has ended and its output is read. */
  readonly ended: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts a program in a session of its own (^C reaches the demo alone, which then stops everything in order), and
 * has the kernel end it should the demo be killed: setpriv sets the parent-death signal and execs.
 * @param onLine called with each line of output
 */
export async function start(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  onLine: (line: string) => void = () => undefined,
): Promise<Started> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      onLine(line);
    });
  }
  const { pid } = await spawned(child);
  let code: number | undefined;
  const ended = new Promise<number>((resolve) => {
    child.once('close', (status, signal) => {
      code = status ?? 128 + constants.signals[signal ?? 'SIGKILL'];
      resolve(code);
    });
  });
  return { pid, lines, code: () => code, ended, kill: (signal) => void child.kill(signal) };
}

function spawned(child: ChildProcess): Promise<{ readonly pid: number }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve({ pid: child.pid ?? 0 }));
  });
}
