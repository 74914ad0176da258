/** The NFS server that test/castle/backends/nfs/machine-start.sh starts, and a relay to it that can be paused. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';

/** The folder in which the server's exports are, in the virtual machine. */
export const exportsFolder = '/machine/exports';

/** A TCP relay between the kernel's NFS client and server. While it is paused, neither side receives packets or errors. */
export class Relay {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  /** Starts a relay. The test's teardown resumes it, so that its mounts can be unmounted, and then ends it. */
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

  /** Pauses the relay: requests hang from now on. */
  cut(): void {
    this.#process.kill('SIGSTOP');
  }

  mend(): void {
    this.#process.kill('SIGCONT');
  }
}
