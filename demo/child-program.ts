import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';

/** A program that the demo started, and its output. */
export interface ChildProgram {
  readonly pid: number;
  /** Standard output and standard error, line by line. */
  readonly lines: readonly string[];
  /** Exit code, or 128+n after signal n; undefined while it runs. */
  code(): number | undefined;
  /** Resolves with the exit code when the program has ended and its output has been read. */
  readonly ended: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts a program in its own session: ^C then reaches only the demo, which stops its programs in order. setpriv sets
 * the parent-death signal, so that the kernel kills the program when the demo is killed.
 * @param onLine called with each line of output
 */
export async function startProgram(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  onLine: (line: string) => void = () => undefined,
): Promise<ChildProgram> {
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
  const pid = await spawnedPid(child);
  let code: number | undefined;
  const ended = new Promise<number>((resolve) => {
    child.once('close', (status, signal) => {
      code = status ?? 128 + constants.signals[signal ?? 'SIGKILL'];
      resolve(code);
    });
  });
  return { pid, lines, code: () => code, ended, kill: (signal) => void child.kill(signal) };
}

function spawnedPid(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
}
