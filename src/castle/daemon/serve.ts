import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from '../../linux/native-addon.ts';
import { checkSocketPath, freeSocket } from '../../linux/unix-socket.ts';
import type { Status } from '../../protocol/contract.ts';
import { Failure } from '../../terminal/failure.ts';
import { version } from '../../terminal/version.ts';
import { type MetricsListener, serveMetrics } from '../api/metrics-listener.ts';
import { buildServer } from '../api/server.ts';
import { serveTls } from '../api/tls-listener.ts';
import { devicesOf } from '../backends/devices.ts';
import { parseBackend } from '../backends/parse.ts';
import { volumeDriver } from '../docker-plugin/driver.ts';
import { servePlugin } from '../docker-plugin/listener.ts';
import { settleRegularly } from '../docker-plugin/periodic-settle.ts';
import { ec2Calls } from '../events/ec2-call-metrics.ts';
import { broadcastEvents, type CastleEvent } from '../events/event.ts';
import { EventStream } from '../events/event-stream.ts';
import { observedMounter, observedStore } from '../events/instrumented.ts';
import { countBy, Metrics } from '../events/metrics.ts';
import { collectorsFor } from '../housekeeping/collectors.ts';
import { CleanUp } from '../housekeeping/garbage-collection.ts';
import { cleanUpRegularly } from '../housekeeping/periodic-gc.ts';
import { purgeRegularly } from '../housekeeping/periodic-purge.ts';
import { reconcileRegularly } from '../housekeeping/periodic-reconcile.ts';
import { openTokenKey } from '../identity/token-key.ts';
import { Tokens } from '../identity/tokens.ts';
import { engineEventHandler } from '../leases/engine-event-handler.ts';
import { closeLeaseService, createLeaseService } from '../leases/lease-service.ts';
import { reconcileAll } from '../leases/reconcile-leases.ts';
import { createFreezer } from '../mounting/freeze-file-system.ts';
import { createHoldProcess } from '../mounting/held-process.ts';
import { openHostMounts } from '../mounting/host-mounts.ts';
import { createMounter } from '../mounting/mounter.ts';
import { createJournalReplay } from '../mounting/replay-journal.ts';
import { parseRuntime } from '../runtimes/parse-runtime.ts';
import type { EngineWatch } from '../runtimes/runtime.ts';
import { OffHost } from '../snapshots/off-host/copy-snapshots.ts';
import { copiesIn } from '../snapshots/off-host/open-copies.ts';
import { type PlanSettings, readPlan } from '../snapshots/schedule-settings.ts';
import { backedUp } from '../snapshots/snapshot-coverage.ts';
import { Backups } from '../snapshots/snapshot-manager.ts';
import { Scheduler } from '../snapshots/snapshot-scheduler.ts';
import { OneAtATime } from '../store/keyed-mutex.ts';
import { makeStateFolder, openState } from '../store/open-state.ts';
import type { Store } from '../store/store.ts';
import { watchedStore } from '../store/store-health.ts';
import { claim } from './folder-lock.ts';
import { keepApart } from './separate-folders.ts';
import { recoverAtStart } from './startup-recovery.ts';
import { ending, readTlsFiles, type TlsSettings } from './tls-files.ts';

export interface ServeSettings {
  /** Unix socket to listen on; its folder is made when it isn't there. */
  readonly socket: string;
  /** Folder of the store. */
  readonly state: string;
  /** `NAME=SETTING`, as in `local=/srv/castle` or `loop=/srv/castle,size=20G`. */
  readonly backend: string;
  /** `docker`, `podman` or `process`. */
  readonly runtime: string;
  /** The engine's socket, for the runtimes docker and podman. */
  readonly dockerSocket: string;
  /** When snapshots are taken, of which volumes, and which are kept; without, only on request. */
  readonly snapshots?: PlanSettings;
  /** Where copies of snapshots go, as in `s3=BUCKET`; nowhere without. */
  readonly offHost?: string;
  /** How long a volume may stand still for a snapshot, in milliseconds. */
  readonly freezeLimitMs: number;
  /** How long deleted volumes are kept, in milliseconds. */
  readonly keepDeletedMs: number;
  /** How often what the store says is compared with what is true, in milliseconds. */
  readonly reconcileIntervalMs: number;
  /** How often what belongs to nobody is looked for, in milliseconds; 0: never. */
  readonly gcIntervalMs: number;
  /** `HOST:PORT` where /metrics and /healthz are served to everybody who reaches it; nowhere without. */
  readonly metricsListen?: string;
  /** Where it listens for containers with tokens as well; nowhere without. */
  readonly tls?: TlsSettings;
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
export async function serve(settings: ServeSettings, log: (happening: CastleEvent) => void): Promise<Castle> {
  checkSocketPath(settings.socket);
  const { tls } = settings;
  const tlsIdentity = tls === undefined ? undefined : readTlsFiles(tls);
  const plan = settings.snapshots === undefined ? undefined : await readPlan(settings.snapshots);
  const copies = settings.offHost === undefined ? undefined : await copiesIn(settings.offHost);
  if (settings.plugin !== undefined) checkSocketPath(settings.plugin, '--plugin');
  const followers = new EventStream();
  let opened: Store | undefined;
  let watch: EngineWatch | undefined;
  let cleanUp: CleanUp | undefined;
  const metrics = new Metrics(
    {
      leases: () => countBy(opened?.leases() ?? [], ({ state }) => state),
      volumes: () =>
        countBy(opened?.volumes() ?? [], ({ state }) => state).set('deleted', opened?.trash().length ?? 0),
      snapshots: () => countBy(opened?.snapshots() ?? [], ({ state }) => state),
      backedUp: () => backedUp(opened?.volumes() ?? [], opened?.snapshots() ?? [], Date.now()),
      engine: () => watch?.connected(),
      strays: () => cleanUp?.leftByKind() ?? new Map(),
    },
    version,
  );
  const emit = broadcastEvents([
    log,
    (happening) => followers.tell(happening),
    ({ event }) => metrics.happened(event),
  ]);
  const runtime = await parseRuntime(settings.runtime, settings);
  const program = findMountProgram();
  const mounter = observedMounter(createMounter(program), metrics, emit);
  const backend = await parseBackend(settings.backend, {
    mounter,
    native: native(),
    replay: createJournalReplay(program),
    mountProgram: program,
    state: settings.state,
    emit,
    told: ec2Calls(metrics, emit),
  });
  keepApart(backend.base, [
    { option: '--state', folder: settings.state },
    { option: '--socket', folder: dirname(settings.socket) },
    ...(settings.plugin === undefined ? [] : [{ option: '--plugin', folder: dirname(settings.plugin) }]),
  ]);
  // Before anything is changed: whoever has the folders may sweep them, and take away a socket that was left.
  claim(native(), backend.base, 'folder for volumes', emit);
  makeStateFolder(settings.state);
  claim(native(), settings.state, 'state in', emit);
  opened = openState(settings.state);
  const store = watchedStore(observedStore(opened, metrics));
  const tokens =
    tls === undefined ? undefined : new Tokens({ key: openTokenKey(settings.state), store, runtime, emit });
  await freeSocket(settings.socket);
  const volumeLock = new OneAtATime();
  const backups = new Backups({
    store,
    backend,
    freezer: createFreezer(program),
    freezeLimitMs: settings.freezeLimitMs,
    volumeLock,
    emit,
  });
  const hostMounts = openHostMounts(
    settings.state,
    async (volume) => (await runtime.usersOf?.(volume)) ?? [],
  );
  const leases = createLeaseService({
    store,
    backend,
    mounter,
    holdProcess: createHoldProcess(native()),
    createFromSnapshot: (snapshot, volume) => backups.createVolume(snapshot, volume),
    hostMounts,
    volumeLock,
    emit,
  });
  await backups.thawAll();
  const stopTakingUp = await recoverAtStart(leases, emit);
  await backups.reconcile();
  const offHost = copies === undefined ? undefined : new OffHost({ copies, backups, backend, emit });
  const taken = () => offHost?.look();
  const scheduler =
    plan === undefined
      ? undefined
      : new Scheduler(plan, { store, backups, backend: backend.name, taken, emit });
  watch = runtime.follow?.(engineEventHandler(leases.watch, emit));
  const settling = settleRegularly(leases.engineMounts, emit);
  const { keepDeletedMs } = settings;
  cleanUp = new CleanUp(collectorsFor({ ...leases, keepDeletedMs }), emit);
  const stopCleaningUp = cleanUpRegularly(cleanUp, settings.gcIntervalMs);
  const stopPurging = purgeRegularly(leases.administration, settings.keepDeletedMs, emit);
  const look = async (stop: AbortSignal) => {
    // What the engine says is looked at beside; while it is away, nothing is.
    await watch?.compare().catch(() => undefined);
    await backups.reconcile();
    return reconcileAll(leases, stop);
  };
  const stopReconciling = reconcileRegularly(look, settings.reconcileIntervalMs, emit);

  const started = new Date().toISOString();
  const status = (): Status => ({
    version,
    pid: process.pid,
    started,
    runtime: runtime.name,
    ...(watch === undefined ? {} : { engine: watch.connected() ? 'connected' : 'disconnected' }),
    backend: backend.description,
    volumes: store.volumes().length,
    leases: store.leases().length,
    waiting: leases.queue.size,
  });
  const checkHealth = () => store.checkHealth();
  const seen = { metrics, followers, checkHealth, devices: () => devicesOf(backend) };
  const given = tokens === undefined ? {} : { tokens };
  const snapshots = { backups, scheduler, offHost };
  const api = await buildServer({
    native: native(),
    runtime,
    leases,
    snapshots,
    cleanUp,
    status,
    emit,
    ...seen,
    ...given,
  });
  const listener = await openMetrics(settings.metricsListen, metrics, checkHealth);
  await tokens?.forget();
  const network =
    tls === undefined || tlsIdentity === undefined || tokens === undefined
      ? undefined
      : await serveTls(tls.listen, tlsIdentity, { tokens, leases, metrics, emit });
  const driver = volumeDriver(leases, () => settling.look());
  const plugin =
    settings.plugin === undefined ? undefined : await servePlugin(settings.plugin, driver, native(), emit);
  await api.listen(settings.socket);
  scheduler?.start();
  offHost?.start();
  const end = tls === undefined || tlsIdentity === undefined ? undefined : ending(tls.certFile, tlsIdentity);
  if (end !== undefined)
    emit(end, { event: 'tls.certificate-expires', remedy: 'renew it, then start the castle again' });
  const onNetwork = network === undefined ? '' : ` and over TLS on ${network.address}`;
  emit(`serving on ${settings.socket}${onNetwork}, runtime ${runtime.name}, ${backend.description}`, {
    event: 'castle.serving',
  });

  return {
    async stop() {
      emit('stopping; what is under way is finished first', { event: 'castle.stopping' });
      leases.queue.close();
      await Promise.all([plugin?.stop(), api.stop(), network?.stop()]);
      await Promise.all([settling.stop(), stopCleaningUp()]);
      watch?.stop();
      stopTakingUp();
      await Promise.all([stopPurging(), stopReconciling(), scheduler?.stop()]);
      offHost?.stop();
      await listener?.close();
      await closeLeaseService(leases);
      await backups.close();
      await store.close();
      emit('stopped; containers keep their mounts', { event: 'castle.stopped' });
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
