/** The NFS server of the machine that test/castle/backends/nfs/machine-start.sh started, and a way to it that can fall silent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';

/** Where the server's exports lie in the machine. */
export const exportsFolder = '/machine/exports';

/** A relay between the kernel's client and its server, as a network is one: it can be cut without a word to either. */
export class Relay {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  /** Starts one that goes on when the test ends, so that what is mounted through it can be unmounted, and is ended then. */
  static async start(t: Test): Promise<Relay> {
    const started = spawn(process.execPath, ['test/castle/backends/nfs/relay.mjs'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [port] = (await once(createInterface({ input: started.stdout }), 'line')) as [string];
    t.teardown(() => {
      started.kill('SIGCONT');
      started.kill('SIGTERM');
    });
    return new Relay(started, Number(port));
  }

  /** Whoever asks from now on waits. */
  cut(): void {
    this.#process.kill('SIGSTOP');
  }

  mend(): void {
    this.#process.kill('SIGCONT');
  }
}
