import type { IPty } from 'node-pty';
import type { Test } from 'tap';
import type { Need } from './needs.ts';
import { until } from './until.ts';

/** An optional dependency: it needs a compiler where there is no prebuilt one. */
export const pty = await import('node-pty').catch(() => undefined);

export const terminal = (): Need =>
  pty === undefined ? 'needs node-pty (npm ci with a C++ compiler)' : undefined;

/** A command on its own terminal; the test's teardown hangs the terminal up and kills the command. */
export class Terminal {
  readonly #pty: IPty;
  readonly #ended: Promise<number>;
  #text = '';
  #from = 0;
  #over = false;

  constructor(t: Test, command: readonly string[], env: Record<string, string> = {}) {
    const [file = '', ...args] = command;
    if (pty === undefined) throw new Error('there is no node-pty');
    this.#pty = pty.spawn(file, args, { cols: 80, rows: 24, env: { PATH: process.env['PATH'], ...env } });
    this.#pty.onData((text) => {
      this.#text += text;
    });
    this.#ended = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal }) => {
        this.#over = true;
        resolve(signal ? 128 + signal : exitCode);
      });
    });
    t.teardown(async () => {
      if (!this.#over) this.#pty.kill('SIGKILL');
      await this.#ended;
    });
  }

  get pid(): number {
    return this.#pty.pid;
  }

  /** All output so far. */
  get text(): string {
    return this.#text;
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#pty.resize(columns, rows);
  }

  /** Closes the other side of the terminal, as closing its window does. */
  hangUp(): void {
    (this.#pty as IPty & { destroy(): void }).destroy();
  }

  /** Waits until a text is shown after the text of the previous wait. */
  async shows(text: string | RegExp): Promise<string> {
    return until(
      `the terminal shows ${text}`,
      () => {
        const rest = this.#text.slice(this.#from);
        const match = typeof text === 'string' ? { index: rest.indexOf(text), 0: text } : rest.match(text);
        if (match?.index === undefined || match.index < 0) return undefined;
        this.#from += match.index + match[0].length;
        return match[0];
      },
      15_000,
    ).catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}; it has shown ${JSON.stringify(this.#text.slice(-400))}`);
    });
  }

  /** The command's exit code, or 128+n, when it has ended. */
  ended(): Promise<number> {
    return this.#ended;
  }
}
