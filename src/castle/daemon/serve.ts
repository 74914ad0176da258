/**
 * Starts a castle. Each step starts one part and registers how to stop it. The parts are stopped in the reverse order
 * (services.ts):
 *
 *     store → snapshots → leases → startup recovery → off-host copies → purge, reconcile, snapshot scheduler
 *       → engine events → engine mounts, garbage collection → metrics listener → listeners for requests → wait queue
 *
 * So a stop first ends the requests, then the background work, then the store.
 * A start that fails stops what it has started: no socket is left behind.
 */
import { dirname } from 'node:path';
import { type Native, native } from '../../linux/native-addon.ts';
import { freeSocket } from '../../linux/unix-socket.ts';
import type { Status } from '../../protocol/contract.ts';
import { errorCode, errorMessage, Failure } from '../../terminal/failure.ts';
import { version } from '../../terminal/version.ts';
import { serveMetrics } from '../api/metrics-listener.ts';
import { buildServer } from '../api/server.ts';
import { certificateExpiry, readTlsFiles, type TlsIdentity, type TlsSettings } from '../api/tls-files.ts';
import { serveTls } from '../api/tls-listener.ts';
import type { Backend } from '../backends/backend.ts';
import { listDevices } from '../backends/list-devices.ts';
import { openBackend } from '../backends/open-backend.ts';
import { volumeDriver } from '../docker-plugin/driver.ts';
import { type PluginListener, servePlugin } from '../docker-plugin/listener.ts';
import { ec2Calls } from '../events/ec2-call-metrics.ts';
import { broadcastEvents, type CastleEvent, type EmitEvent } from '../events/event.ts';
import { EventStream } from '../events/event-stream.ts';
import { countBy, Metrics } from '../events/metrics.ts';
import { collectorsFor } from '../housekeeping/collectors.ts';
import { GarbageCollection } from '../housekeeping/garbage-collection.ts';
import { collectGarbagePeriodically } from '../housekeeping/periodic-gc.ts';
import { purgePeriodically } from '../housekeeping/periodic-purge.ts';
import { reconcilePeriodically } from '../housekeeping/periodic-reconcile.ts';
import { openTokenKey } from '../identity/token-key.ts';
import { Tokens } from '../identity/tokens.ts';
import { engineEventHandler } from '../leases/engine-event-handler.ts';
import { closeLeaseService, createLeaseService, type LeaseService } from '../leases/lease-service.ts';
import { reconcileAll } from '../leases/reconcile-leases.ts';
import { createFreezer } from '../mounting/freeze-file-system.ts';
import { createHoldProcess } from '../mounting/held-process.ts';
import { openHostMounts } from '../mounting/host-mounts.ts';
import { createMounter, type Mounter } from '../mounting/mounter.ts';
import { createJournalReplay } from '../mounting/replay-journal.ts';
import { parseRuntime } from '../runtimes/parse-runtime.ts';
import type { EngineWatch, Runtime } from '../runtimes/runtime.ts';
import type { Copies } from '../snapshots/off-host/copies.ts';
import { OffHostCopies } from '../snapshots/off-host/copy-snapshots.ts';
import { copiesIn } from '../snapshots/off-host/open-copies.ts';
import { snapshotCoverage } from '../snapshots/snapshot-coverage.ts';
import { SnapshotScheduler } from '../snapshots/snapshot-scheduler.ts';
import { SnapshotService } from '../snapshots/snapshot-service.ts';
import { KeyedMutex } from '../store/keyed-mutex.ts';
import { makeStateFolder, openState } from '../store/open-state.ts';
import { type MonitoredStore, monitoredStore } from '../store/store-health.ts';
import { watchEngineMounts } from './engine-mount-check.ts';
import { lockFolder } from './folder-lock.ts';
import { observedMounter, observedStore } from './instrument.ts';
import { findMountProgram } from './mount-program.ts';
import { keepApart } from './separate-folders.ts';
import type { ServeSettings } from './serve-settings.ts';
import { Services } from './services.ts';
import { recoverAtStart } from './startup-recovery.ts';

export interface Castle {
  /** Stops listening, and waits for the work in progress. All mounts stay. */
  stop(): Promise<void>;
}

/**
 * Starts a castle.
 * @param log receives every event
 * @throws Failure usage, config, cannotCreate, tryAgain (another castle is running), noPermission
 */
export async function serve(settings: ServeSettings, log: (event: CastleEvent) => void): Promise<Castle> {
  const services = new Services();
  try {
    return await start(settings, log, services);
  } catch (thrown) {
    // Only the error of the start is reported: an error of the stop is a consequence of it.
    await services.stop().catch(() => undefined);
    if (errorCode(thrown) !== 'EMFILE') throw thrown;
    throw new Failure(
      'config',
      `the castle may not open enough files: ${errorMessage(thrown)}`,
      'raise the limit: ulimit -n, or LimitNOFILE in the unit of systemd',
    );
  }
}

async function start(
  settings: ServeSettings,
  log: (event: CastleEvent) => void,
  services: Services,
): Promise<Castle> {
  const inputs = await readInputs(settings);
  const observation = openObservation(log);
  const { emit } = observation;
  const storage = await openStorage(settings, observation);
  const core = await openCore(settings, storage, observation, services);
  const background = await startBackground(settings, inputs, storage, core, emit, services);
  const listening = await listen(settings, inputs, observation, storage, core, background, services);
  background.scheduler?.start();
  background.offHost?.start();

  const expiry = inputs.tls === undefined ? undefined : certificateExpiry(inputs.tls.certFile, inputs.tls);
  if (expiry !== undefined)
    emit(expiry, { event: 'tls.certificate-expires', remedy: 'renew it, then restart the castle' });
  emit(`serving on ${listening}, runtime ${storage.runtime.name}, ${storage.backend.description}`, {
    event: 'castle.serving',
  });
  return {
    async stop() {
      emit('stopping; requests and mounts in progress are finished first', { event: 'castle.stopping' });
      await services.stop();
      emit('stopped; containers keep their mounts', { event: 'castle.stopped' });
    },
  };
}

/** The files and programs that the settings name, read and checked before any part is started. */
interface Inputs {
  readonly tls: (TlsSettings & TlsIdentity) | undefined;
  readonly copies: Copies | undefined;
}

async function readInputs({ tls, offHost }: ServeSettings): Promise<Inputs> {
  const identity = tls === undefined ? undefined : { ...tls, ...readTlsFiles(tls) };
  const copies = offHost === undefined ? undefined : await copiesIn(offHost);
  return { tls: identity, copies };
}

/** The castle's events and metrics. */
interface Observation {
  readonly emit: EmitEvent;
  readonly events: EventStream;
  readonly metrics: Metrics;
}

function openObservation(log: (event: CastleEvent) => void): Observation {
  const events = new EventStream();
  const metrics = new Metrics(version);
  const emit = broadcastEvents([
    log,
    (event) => events.send(event),
    ({ event }) => metrics.eventHappened(event),
  ]);
  return { emit, events, metrics };
}

/** The castle's store and backend, and the folders that belong to them. */
interface Storage {
  readonly native: Native;
  readonly mountProgram: string;
  readonly mounter: Mounter;
  readonly runtime: Runtime;
  readonly backend: Backend;
  readonly store: MonitoredStore;
}

async function openStorage(settings: ServeSettings, { emit, metrics }: Observation): Promise<Storage> {
  const { state, socket, plugin } = settings;
  const addon = native();
  const runtime = await parseRuntime(settings.runtime, settings);
  const mountProgram = findMountProgram();
  const mounter = observedMounter(createMounter(mountProgram), metrics, emit);
  const backend = await openBackend(settings.backend, {
    mounter,
    native: addon,
    replay: createJournalReplay(mountProgram),
    mountProgram,
    state,
    emit,
    onEc2Call: ec2Calls(metrics, emit),
  });
  keepApart(backend.base, [
    { option: '--state', folder: state },
    { option: '--socket', folder: dirname(socket) },
    ...(plugin === undefined ? [] : [{ option: '--plugin', folder: dirname(plugin) }]),
  ]);
  // The locks come before any change: their holder may clean the folders up, and remove the socket of a dead castle.
  lockFolder(addon, backend.base, 'folder of volumes', emit);
  makeStateFolder(state);
  lockFolder(addon, state, 'state folder', emit);
  const store = monitoredStore(observedStore(openState(state), metrics));
  return { native: addon, mountProgram, mounter, runtime, backend, store };
}

/** The services that handle requests: leases, snapshots and tokens. */
interface Core {
  readonly leases: LeaseService;
  readonly snapshots: SnapshotService;
  /** Undefined where the castle does not listen with TLS. */
  readonly tokens: Tokens | undefined;
}

async function openCore(
  { state, socket, tls, freezeLimitMs }: ServeSettings,
  { native, mountProgram, mounter, runtime, backend, store }: Storage,
  { emit }: Observation,
  services: Services,
): Promise<Core> {
  services.add({ name: 'store', stop: () => store.close() });
  const tokens =
    tls === undefined ? undefined : new Tokens({ key: openTokenKey(state), store, runtime, emit });
  await freeSocket(socket);
  const volumeLock = new KeyedMutex();
  const snapshots = new SnapshotService({
    store,
    backend,
    freezer: createFreezer(mountProgram),
    freezeLimitMs,
    volumeLock,
    emit,
  });
  services.add({ name: 'snapshots', stop: () => snapshots.close() });
  const hostMounts = openHostMounts(state, async (volume) => (await runtime.usersOf?.(volume)) ?? []);
  const leases = createLeaseService({
    store,
    backend,
    mounter,
    holdProcess: createHoldProcess(native),
    createFromSnapshot: (snapshot, volume) => snapshots.restore(snapshot, volume),
    hostMounts,
    volumeLock,
    emit,
  });
  services.add({ name: 'leases', stop: () => closeLeaseService(leases) });
  return { leases, snapshots, tokens };
}

/** The background work. */
interface Background {
  readonly engine: EngineWatch | undefined;
  readonly scheduler: SnapshotScheduler | undefined;
  readonly offHost: OffHostCopies | undefined;
  readonly garbage: GarbageCollection;
  /** Schedules a check of the engine's mounts after a new mount. */
  engineMountCreated(): void;
}

async function startBackground(
  settings: ServeSettings,
  { copies }: Inputs,
  { runtime, backend, store }: Storage,
  { leases, snapshots }: Core,
  emit: EmitEvent,
  services: Services,
): Promise<Background> {
  const { snapshots: plan, keepDeletedMs, reconcileIntervalMs, gcIntervalMs } = settings;
  await snapshots.thawAtStart();
  const recovery = await recoverAtStart(leases, emit);
  services.add({ name: 'startup recovery', stop: () => recovery.stop() });
  await snapshots.recover();
  const offHost = copies === undefined ? undefined : new OffHostCopies({ copies, snapshots, backend, emit });
  if (offHost !== undefined) services.add({ name: 'off-host copies', stop: () => offHost.stop() });
  const scheduler =
    plan === undefined
      ? undefined
      : new SnapshotScheduler(plan, {
          store,
          snapshots,
          backend: backend.name,
          taken: () => offHost?.look(),
          emit,
        });
  const engine = runtime.follow?.(engineEventHandler(leases.watch, emit));
  const engineMounts = watchEngineMounts(leases.engineMounts, emit);
  const garbage = new GarbageCollection(collectorsFor({ ...leases, keepDeletedMs }), emit);
  const stopCollecting = collectGarbagePeriodically(garbage, gcIntervalMs);
  const stopPurging = purgePeriodically(leases.administration, keepDeletedMs, emit);
  const reconcile = async (stop: AbortSignal) => {
    // If the engine cannot be reached, the rest of the reconcile still runs.
    await engine?.compare().catch(() => undefined);
    await snapshots.recover();
    return reconcileAll(leases, stop);
  };
  const stopReconciling = reconcilePeriodically(reconcile, reconcileIntervalMs, emit);

  services.add(
    { name: 'purge', stop: stopPurging },
    { name: 'reconcile', stop: stopReconciling },
    { name: 'snapshot scheduler', stop: () => scheduler?.stop() },
  );
  services.add({ name: 'engine events', stop: () => engine?.stop() });
  services.add(
    { name: 'engine mounts', stop: () => engineMounts.stop() },
    { name: 'garbage collection', stop: stopCollecting },
  );
  return { engine, scheduler, offHost, garbage, engineMountCreated: () => engineMounts.checkSoon() };
}

/** Opens the listeners. @returns a description of their addresses, for the log */
async function listen(
  settings: ServeSettings,
  { tls }: Inputs,
  { emit, events, metrics }: Observation,
  { native, runtime, backend, store }: Storage,
  { leases, snapshots, tokens }: Core,
  { engine, scheduler, offHost, garbage, engineMountCreated }: Background,
  services: Services,
): Promise<string> {
  const { socket, metricsListen, plugin } = settings;
  const started = new Date().toISOString();
  const status = (): Status => ({
    version,
    pid: process.pid,
    started,
    runtime: runtime.name,
    ...(engine === undefined ? {} : { engine: engine.connected() ? 'connected' : 'disconnected' }),
    backend: backend.description,
    volumes: store.volumes().length,
    leases: store.leases().length,
    waiting: leases.queue.size,
  });
  metrics.addState({
    leases: () => countBy(store.leases(), ({ state }) => state),
    volumes: () => countBy(store.volumes(), ({ state }) => state).set('deleted', store.trash().length),
    snapshots: () => countBy(store.snapshots(), ({ state }) => state),
    snapshotCoverage: () => snapshotCoverage(store.volumes(), store.snapshots(), Date.now()),
    isEngineConnected: () => engine?.connected(),
    garbage: () => garbage.leftByKind(),
  });
  const checkHealth = () => store.checkHealth();
  const api = await buildServer({
    native,
    runtime,
    leases,
    tokens,
    snapshots,
    scheduler,
    offHost,
    garbage,
    status,
    devices: () => listDevices(backend),
    backendName: backend.name,
    volumeSizes: () => backend.sizes?.read() ?? new Map(),
    metrics,
    events,
    checkHealth,
    emit,
  });
  const metricsListener =
    metricsListen === undefined ? undefined : await serveMetrics(metricsListen, metrics, checkHealth);
  services.add({ name: 'metrics listener', stop: () => metricsListener?.close() });
  await tokens?.deleteUnusableRecords();
  let tlsListener: Awaited<ReturnType<typeof serveTls>> | undefined;
  let pluginListener: PluginListener | undefined;
  // Added before the listeners are opened: if one of them cannot be opened, the earlier ones are closed.
  services.add(
    { name: 'volume driver', stop: () => pluginListener?.stop() },
    { name: 'unix socket', stop: () => api.stop() },
    { name: 'TLS listener', stop: () => tlsListener?.stop() },
  );
  // A request that waits for a volume would keep its connection, and so the listeners, open.
  services.add({ name: 'wait queue', stop: () => leases.queue.close() });
  if (tls !== undefined && tokens !== undefined)
    tlsListener = await serveTls(tls.listen, tls, { tokens, leases, metrics, emit });
  const driver = volumeDriver(leases, engineMountCreated);
  if (plugin !== undefined) pluginListener = await servePlugin(plugin, driver, native, emit);
  await api.listen(socket);
  return tlsListener === undefined ? socket : `${socket} and with TLS on ${tlsListener.address}`;
}
