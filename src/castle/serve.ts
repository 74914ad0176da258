import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from '../container/native.ts';
import type { Status } from '../contract.ts';
import { Failure } from '../failure.ts';
import { version } from '../version.ts';
import { type MetricsListener, serveMetrics } from './api/metrics-listener.ts';
import { buildServer } from './api/server.ts';
import { parseBackend } from './backends/parse.ts';
import { Followers } from './chronicle/followers.ts';
import { type Happening, tellAll } from './chronicle/happening.ts';
import { countBy, Metrics } from './chronicle/metrics.ts';
import { observedMounter, observedStore } from './chronicle/observed.ts';
import { claim } from './claim.ts';
import { CleanUp } from './clean-up/clean-up.ts';
import { collectorsFor } from './clean-up/parts.ts';
import { cleanUpRegularly } from './clean-up/regularly.ts';
import { watchedStore } from './health.ts';
import { holdWith } from './leases/containers.ts';
import { hostMountsIn } from './leases/host-mounts.ts';
import { Ledger } from './leases/ledger.ts';
import { witness } from './leases/witness.ts';
import { mounterWith } from './mount.ts';
import { volumeDriver } from './plugin/driver.ts';
import { servePlugin } from './plugin/listener.ts';
import { settleRegularly } from './plugin/settling.ts';
import { purgeRegularly } from './purging.ts';
import { parseRuntime } from './runtime/parse.ts';
import type { EngineWatch } from './runtime/runtime.ts';
import { checkSocketPath, freeSocket } from './socket.ts';
import { makeStateFolder, openState } from './state.ts';
import type { Store } from './store.ts';

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
  /** How long deleted volumes are kept, in milliseconds. */
  readonly keepDeletedMs: number;
  /** How often what belongs to nobody is looked for, in milliseconds; 0: never. */
  readonly gcMs: number;
  /** `HOST:PORT` where /metrics and /healthz are served to everybody who reaches it; nowhere without. */
  readonly metricsListen?: string;
  /** Unix socket where the engine finds the castle as a volume driver, by the socket's name; nowhere without. */
  readonly plugin?: string;
}

export interface Castle {
  /** Stops listening, finishes what is under way, and leaves all mounts as they are. */
  stop(): Promise<void>;
}

/**
 * Starts a castle.
 * @param log takes what happens
 * @throws Failure usage, cannotCreate, tryAgain (another castle), noPermission
 */
export async function serve(settings: ServeSettings, log: (happening: Happening) => void): Promise<Castle> {
  checkSocketPath(settings.socket);
  if (settings.plugin !== undefined) checkSocketPath(settings.plugin, '--plugin');
  const followers = new Followers();
  let opened: Store | undefined;
  let watch: EngineWatch | undefined;
  let cleanUp: CleanUp | undefined;
  const metrics = new Metrics(
    {
      leases: () => countBy(opened?.leases() ?? [], ({ state }) => state),
      volumes: () =>
        countBy(opened?.volumes() ?? [], ({ state }) => state).set('deleted', opened?.trash().length ?? 0),
      engine: () => watch?.connected(),
      strays: () => cleanUp?.leftByKind() ?? new Map(),
    },
    version,
  );
  const say = tellAll([
    log,
    (happening) => followers.tell(happening),
    ({ event }) => metrics.happened(event),
  ]);
  const runtime = await parseRuntime(settings.runtime, settings);
  const mounter = observedMounter(mounterWith(findMountProgram()), metrics, say);
  const backend = await parseBackend(settings.backend, { mounter, native: native(), say });
  // Before anything is changed: whoever has the folders may sweep them, and take away a socket that was left.
  claim(native(), backend.base, 'folder for volumes', say);
  makeStateFolder(settings.state);
  claim(native(), settings.state, 'state in', say);
  opened = openState(settings.state, fileURLToPath(import.meta.url));
  const store = watchedStore(observedStore(opened, metrics));
  await freeSocket(settings.socket);
  const hostMounts = hostMountsIn(settings.state, async (volume) => (await runtime.usersOf?.(volume)) ?? []);
  const ledger = new Ledger({ store, backend, mounter, hold: holdWith(native()), hostMounts, say });
  await ledger.reconcile();
  watch = runtime.follow?.(witness(ledger, say));
  const settling = settleRegularly(ledger, say);
  const { keepDeletedMs } = settings;
  cleanUp = new CleanUp(collectorsFor({ store, backend, ledger, hostMounts, keepDeletedMs }), say);
  const stopCleaningUp = cleanUpRegularly(cleanUp, settings.gcMs);
  const stopPurging = purgeRegularly(ledger.administration, settings.keepDeletedMs, say);

  const started = new Date().toISOString();
  const status = (): Status => ({
    version,
    pid: process.pid,
    started,
    runtime: runtime.name,
    ...(watch === undefined ? {} : { engine: watch.connected() ? 'connected' : 'lost' }),
    backend: backend.description,
    volumes: store.volumes().length,
    leases: store.leases().length,
  });
  const checkHealth = () => store.checkHealth();
  const seen = { metrics, followers, checkHealth };
  const api = await buildServer({ native: native(), runtime, ledger, cleanUp, status, say, ...seen });
  const listener = await openMetrics(settings.metricsListen, metrics, checkHealth);
  const driver = volumeDriver(ledger, hostMounts, () => settling.look());
  const plugin =
    settings.plugin === undefined ? undefined : await servePlugin(settings.plugin, driver, native(), say);
  await api.listen(settings.socket);
  say(`serving on ${settings.socket}, runtime ${runtime.name}, ${backend.description}`, {
    event: 'castle.serving',
  });

  return {
    async stop() {
      say('stopping; what is under way is finished first', { event: 'castle.stopping' });
      await plugin?.stop();
      await api.stop();
      await settling.stop();
      await stopCleaningUp();
      watch?.stop();
      await stopPurging();
      await listener?.close();
      await ledger.close();
      await store.close();
      say('stopped; containers keep their mounts', { event: 'castle.stopped' });
    },
  };
}

async function openMetrics(
  address: string | undefined,
  metrics: Metrics,
  checkHealth: () => void,
): Promise<MetricsListener | undefined> {
  return address === undefined ? undefined : serveMetrics(address, metrics, checkHealth);
}

/** castle-mount lies beside the bundle. */
export function findMountProgram(): string {
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
