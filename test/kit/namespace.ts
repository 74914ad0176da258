import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { createInterface, type Interface } from 'node:readline';
import { untilTrue as until } from './until.ts';

export { until };

/** How a command in a PID namespace ended. */
export interface Ended {
  /** The exit code, or 128+n when signal n ended the command. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface NamespaceOptions {
  /** The environment. Default: that of the tests. */
  readonly env?: NodeJS.ProcessEnv;
  /** What the command reads from its standard input. */
  readonly input?: string;
  /** Whether the command gets its own /proc. Default: true. */
  readonly proc?: boolean;
  /** More options of unshare(1), such as `--mount`. */
  readonly unshare?: readonly string[];
}

/**
 * The command line that runs a command as process 1 of a new PID namespace. Without root, it also creates a user namespace,
 * which gives the permission. The command is killed when unshare(1) dies.
 */
export function asProcess1(command: readonly string[], options: NamespaceOptions = {}): string[] {
  return [
    'unshare',
    ...(process.getuid?.() === 0 ? [] : ['-Ur']),
    '--pid',
    '--fork',
    '--kill-child',
    ...(options.proc === false ? [] : ['--mount-proc']),
    ...(options.unshare ?? []),
    ...command,
  ];
}

/** A command that runs as process 1 of a PID namespace. */
export class Running {
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  readonly #unread: string[] = [];
  #arrived: (() => void) | undefined;
  #over = false;
  #stdout = '';
  #stderr = '';
  readonly #ended: Promise<Ended>;

  constructor(command: readonly string[], options: NamespaceOptions = {}) {
    // When the test is killed, the kernel kills unshare and with it the namespace.
    const args = ['--pdeathsig', 'KILL', '--', ...asProcess1(command, options)];
    const started = spawn('setpriv', args, { env: options.env ?? process.env, stdio: 'pipe' });
    this.#process = started;
    this.#lines = createInterface({ input: started.stdout });
    this.#lines.on('line', (line) => {
      this.#stdout += `${line}\n`;
      this.#unread.push(line);
      this.#arrived?.();
    });
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    // The command may end without having read its input.
    started.stdin.on('error', () => {});
    this.#ended = once(started, 'close').then(([code, signal]) => {
      this.#over = true;
      this.#arrived?.();
      return { code: code ?? 128 + signalNumber(signal), stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  /** Waits until process 1 runs the named program. @returns its pid outside of the namespace */
  async pid(comm: string | RegExp = 'bailey-init'): Promise<number> {
    const isIt = (name = '') => (typeof comm === 'string' ? name === comm : comm.test(name));
    let found: number | undefined;
    await until(`${comm} runs`, () => {
      found = childrenOf(this.#process.pid ?? 0).find((pid) => isIt(stat(pid)?.comm));
      return found !== undefined;
    });
    return found as number;
  }

  /** The next line of standard output; undefined at the end of the output. */
  async line(): Promise<string | undefined> {
    while (this.#unread.length === 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return this.#unread.shift();
  }

  write(text: string): void {
    this.#process.stdin?.write(text);
  }

  /** Closes standard input and waits for the command's end. */
  async end(input = ''): Promise<Ended> {
    this.#process.stdin?.end(input);
    return this.#ended;
  }

  /** Waits for the command's end. */
  ended(): Promise<Ended> {
    return this.#ended;
  }

  /** Kills everything in the namespace. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }
}

/** Runs a command as process 1 of a new PID namespace and waits for its end. */
export function inNamespace(command: readonly string[], options: NamespaceOptions = {}): Promise<Ended> {
  return new Running(command, options).end(options.input);
}

/** The entry of a process in /proc; undefined when there is none. */
export function stat(pid: number): { comm: string; state: string; parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { comm: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')), state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/**
 * Whether a process blocks a signal. The kernel drops a signal to process 1 that arrives before process 1 blocks or handles it.
 * Signals in the set of a running sigtimedwait(2) do not count as blocked: call this with another signal.
 */
export function blocks(pid: number, signal: number): boolean {
  const [, mask = '0'] = /^SigBlk:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (BigInt(`0x${mask}`) & (1n << BigInt(signal - 1))) !== 0n;
}

/** The process ids of a process's children. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && stat(pid)?.parent === parent);
}

function signalNumber(name: NodeJS.Signals): number {
  return constants.signals[name];
}
