import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from '../container/native.ts';
import type { Status } from '../contract.ts';
import { Failure } from '../failure.ts';
import { version } from '../version.ts';
import { buildServer } from './api/server.ts';
import { parseBackend } from './backends/parse.ts';
import { claim } from './claim.ts';
import { holdWith } from './leases/containers.ts';
import { Ledger } from './leases/ledger.ts';
import { mounterWith } from './mount.ts';
import { parseRuntime } from './runtime/parse.ts';
import { checkSocketPath, freeSocket } from './socket.ts';
import { makeStateFolder, openState } from './state.ts';

export interface ServeSettings {
  /** Unix socket to listen on; its folder is made when it isn't there. */
  readonly socket: string;
  /** Folder of the store. */
  readonly state: string;
  /** `NAME=SETTING`, as in `local=/srv/castle` or `loop=/srv/castle,size=20G`. */
  readonly backend: string;
  /** `docker` or `process`. */
  readonly runtime: string;
  /** The engine's socket, for the runtime docker. */
  readonly dockerSocket: string;
}

export interface Castle {
  /** Stops listening, finishes what is under way, and leaves all mounts as they are. */
  stop(): Promise<void>;
}

/**
 * Starts a castle.
 * @param say prints one line of its log
 * @throws Failure usage, cannotCreate, tryAgain (another castle), noPermission
 */
export async function serve(settings: ServeSettings, say: (line: string) => void): Promise<Castle> {
  checkSocketPath(settings.socket);
  const runtime = await parseRuntime(settings.runtime, settings);
  const mounter = mounterWith(findMountProgram());
  const backend = await parseBackend(settings.backend, { mounter, native: native(), say });
  // Before anything is changed: whoever has the folders may sweep them, and take away a socket that was left.
  claim(native(), backend.base, 'folder for volumes', say);
  makeStateFolder(settings.state);
  claim(native(), settings.state, 'state in', say);
  const store = openState(settings.state, fileURLToPath(import.meta.url));
  await freeSocket(settings.socket);
  const ledger = new Ledger({ store, backend, mounter, hold: holdWith(native()), say });
  await ledger.reconcile();

  const started = new Date().toISOString();
  const status = (): Status => ({
    version,
    pid: process.pid,
    started,
    runtime: runtime.name,
    backend: backend.description,
    volumes: store.volumes().length,
    leases: store.leases().length,
  });
  const api = await buildServer({ native: native(), runtime, ledger, status, say });
  await api.listen(settings.socket);
  say(`serving on ${settings.socket}, runtime ${runtime.name}, ${backend.description}`);

  return {
    async stop() {
      await api.stop();
      await ledger.close();
      await store.close();
      say('stopped; containers keep their mounts');
    },
  };
}

/** castle-mount lies beside the bundle. */
function findMountProgram(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const program = join(here, 'castle-mount');
  try {
    accessSync(program, constants.X_OK);
    return program;
  } catch {
    throw new Failure(
      'config',
      `${program} is not there`,
      'copy all of dist/, or build it again with npm run build',
    );
  }
}
