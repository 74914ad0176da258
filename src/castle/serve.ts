import { accessSync, chmodSync, constants, existsSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from '../container/native.ts';
import type { Status } from '../contract.ts';
import { errorCode, errorMessage, Failure } from '../failure.ts';
import { version } from '../version.ts';
import { buildServer } from './api/server.ts';
import { parseBackend } from './backends/parse.ts';
import { holdWith } from './leases/containers.ts';
import { Ledger } from './leases/ledger.ts';
import { mounterWith } from './mount.ts';
import { parseRuntime } from './runtime/parse.ts';
import { openStore } from './store.ts';

export interface ServeSettings {
  /** Unix socket to listen on; its folder is made when it isn't there. */
  readonly socket: string;
  /** Folder of the store. */
  readonly state: string;
  /** `NAME=SETTING`, as in `local=/srv/castle`. */
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
  const runtime = await parseRuntime(settings.runtime, settings);
  const backend = await parseBackend(settings.backend);
  const mounter = mounterWith(findMountProgram());
  await freeSocket(settings.socket);
  const store = openStore(settings.state);
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
  const app = await buildServer({ native: native(), runtime, ledger, status, say });
  await listen(() => app.listen({ path: settings.socket }), settings.socket);
  say(`serving on ${settings.socket}, runtime ${runtime.name}, ${backend.description}`);

  return {
    async stop() {
      await app.close();
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

/** Removes the socket of a castle that was killed; a living one keeps its own. */
async function freeSocket(path: string): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  } catch (thrown) {
    throw new Failure('cannotCreate', `${dirname(path)} cannot be made: ${errorMessage(thrown)}`);
  }
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket()) {
    throw new Failure('cannotCreate', `${path} is there and not a socket`, 'give another --socket');
  }
  if (await answers(path)) {
    throw new Failure(
      'tryAgain',
      `another castle answers on ${path}`,
      'stop it first, or give another --socket',
    );
  }
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Any uid of a container may connect: who it is decides, not the mode. */
async function listen(start: () => Promise<unknown>, path: string): Promise<void> {
  try {
    await start();
    chmodSync(path, 0o666);
  } catch (thrown) {
    const kind = errorCode(thrown) === 'EACCES' ? 'noPermission' : 'cannotCreate';
    throw new Failure(
      kind,
      `the castle cannot listen on ${path}: ${errorMessage(thrown)}`,
      'give another --socket',
    );
  }
}
