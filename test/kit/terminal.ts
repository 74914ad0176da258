import type { Test } from 'tap';
import type { Need } from './needs.ts';
import { until } from './until.ts';

/** An optional dependency: it is compiled at its installation. */
const pty = await import('node-pty').catch(() => undefined);

/** Pseudo-terminals. */
export const terminals = (): Need =>
  pty === undefined ? 'needs node-pty (npm ci with a C++ compiler)' : undefined;

/** A program at a terminal of its own, as a session's leader. */
export class Terminal {
  /** Everything that has been shown. */
  text = '';
  /** Resolves with the exit code, or 128+n after signal n. */
  readonly ended: Promise<number>;
  readonly #shown = { from: 0 };
  readonly #write: (keys: string) => void;

  /** Starts the program; it is killed, if it still runs, when the test ends. */
  constructor(t: Test, program: string, args: readonly string[]) {
    if (pty === undefined) throw new Error('no node-pty');
    const running = pty.spawn(program, [...args], { cols: 100, rows: 40 });
    let over = false;
    running.onData((text) => {
      this.text += text;
    });
    this.#write = (keys) => running.write(keys);
    this.ended = new Promise((resolve) => {
      running.onExit(({ exitCode, signal }) => {
        over = true;
        resolve(signal === undefined || signal === 0 ? exitCode : 128 + signal);
      });
    });
    t.teardown(() => (over ? undefined : running.kill('SIGKILL')));
  }

  /** Types; what is waited for afterwards has to be shown after this. */
  write(keys: string): void {
    this.#shown.from = this.text.length;
    this.#write(keys);
  }

  /** Waits until something has been shown since the last keys. */
  async until(pattern: RegExp): Promise<void> {
    await until(
      `the terminal shows ${pattern}`,
      () => pattern.test(this.text.slice(this.#shown.from)) || undefined,
    ).catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}; it shows:\n${this.text}`);
    });
  }
}
