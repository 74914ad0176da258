import { readdirSync } from 'node:fs';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { garbageKinds } from '../garbage/garbage.ts';
import type { EventName } from './event.ts';

/** The snapshot coverage of all volumes. */
export interface SnapshotCoverage {
  /** The number of volumes without a complete snapshot. */
  readonly without: number;
  /** The largest age of a volume's newest complete snapshot, in seconds; 0 when no volume has one. */
  readonly oldestSeconds: number;
}

/** The state of the castle. The metrics read it at each scrape. */
export interface StateSource {
  /** How many leases are in each state. */
  leases(): ReadonlyMap<string, number>;
  /** How many volumes are in each state. */
  volumes(): ReadonlyMap<string, number>;
  /** How many snapshots are in each state. */
  snapshots(): ReadonlyMap<string, number>;
  /** Returns the snapshot coverage of all volumes. */
  snapshotCoverage(): SnapshotCoverage;
  /** Whether events of the container engine arrive; undefined where the runtime has no engine. */
  isEngineConnected(): boolean | undefined;
  /** The number of objects of each kind that the last garbage collection did not remove. */
  garbage(): ReadonlyMap<string, number>;
}

/** In seconds: from less than a commit takes to the time limit of a mount. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * The metrics of /metrics. Labels are states, outcomes and event names, never containers or volumes, so the number of series is
 * bounded and no names are disclosed. prom-client's default metrics are not used, because they measure the event loop with a
 * timer of 10 ms, which wakes an idle castle.
 */
export class Metrics {
  private readonly registry = new Registry();
  private readonly requests = this.histogram(
    'castle_lease_request_seconds',
    'Lease requests by outcome: granted, reused, waited, or the error code',
  );
  private readonly mountOperations: Histogram<'operation' | 'outcome'> = new Histogram({
    name: 'castle_mount_seconds',
    help: 'Mounts and unmounts in containers',
    labelNames: ['operation', 'outcome'],
    buckets,
    registers: [this.registry],
  });
  private readonly commits = this.histogram(
    'castle_store_commit_seconds',
    'Commits of the store, from the request until they are on disk',
  );
  private readonly events = new Counter({
    name: 'castle_events_total',
    help: 'Events by name',
    labelNames: ['event'],
    registers: [this.registry],
  });

  private readonly ec2Calls = new Counter({
    name: 'castle_ec2_calls_total',
    help: 'Calls of the EC2 API by action and outcome; each retry is a call',
    labelNames: ['action', 'outcome'],
    registers: [this.registry],
  });

  constructor(version: string) {
    this.gauge('castle_info', 'The version of the castle', ['version'], (gauge) => gauge.set({ version }, 1));
    this.addProcess();
  }

  /** Adds the gauges of the castle's state. */
  addState(state: StateSource): void {
    this.gauge('castle_leases', 'Leases by state', ['state'], (gauge) => {
      setAll(gauge, ['mounting', 'mounted', 'releasing'], state.leases());
    });
    this.gauge('castle_volumes', 'Volumes by state', ['state'], (gauge) => {
      setAll(gauge, ['creating', 'ready', 'deleted'], state.volumes());
    });
    this.gauge('castle_snapshots', 'Snapshots by state', ['state'], (gauge) => {
      setAll(gauge, ['freezing', 'taking', 'ready', 'deleting'], state.snapshots());
    });
    this.gauge('castle_volumes_without_snapshot', 'Volumes without a complete snapshot', [], (gauge) =>
      gauge.set(state.snapshotCoverage().without),
    );
    this.gauge(
      'castle_last_snapshot_age_seconds',
      'The age of the newest complete snapshot of a volume: the greatest of all volumes',
      [],
      (gauge) => gauge.set(state.snapshotCoverage().oldestSeconds),
    );
    this.gauge('castle_engine_connected', 'Whether events of the container engine arrive', [], (gauge) => {
      const isConnected = state.isEngineConnected();
      if (isConnected === undefined) gauge.remove();
      else gauge.set(isConnected ? 1 : 0);
    });
    this.gauge('castle_garbage', 'What the last garbage collection left, by kind', ['kind'], (gauge) => {
      const garbage = state.garbage();
      for (const kind of garbageKinds) gauge.set({ kind }, garbage.get(kind) ?? 0);
    });
  }

  private addProcess(): void {
    const startedSeconds = Math.floor(Date.now() / 1000 - process.uptime());
    this.gauge(
      'process_start_time_seconds',
      'When the process was started, in seconds since 1970',
      [],
      (gauge) => gauge.set(startedSeconds),
    );
    this.gauge('process_resident_memory_bytes', 'Resident memory', [], (gauge) =>
      gauge.set(process.memoryUsage.rss()),
    );
    this.gauge('nodejs_heap_size_used_bytes', 'Heap in use', [], (gauge) =>
      gauge.set(process.memoryUsage().heapUsed),
    );
    this.gauge('process_open_fds', 'Open descriptors', [], (gauge) =>
      gauge.set(readdirSync('/proc/self/fd').length),
    );
    let countedSeconds = 0;
    new Counter({
      name: 'process_cpu_seconds_total',
      help: 'CPU time, user and system',
      registers: [this.registry],
      collect() {
        const { user, system } = process.cpuUsage();
        this.inc((user + system) / 1e6 - countedSeconds);
        countedSeconds = (user + system) / 1e6;
      },
    });
  }

  /** @param outcome `granted`, `reused`, `waited`, or an error code */
  request(outcome: string, seconds: number): void {
    this.requests.observe({ outcome }, seconds);
  }

  mount(operation: 'mount' | 'unmount' | 'grow', outcome: 'done' | 'failed', seconds: number): void {
    this.mountOperations.observe({ operation, outcome }, seconds);
  }

  commit(outcome: 'done' | 'failed', seconds: number): void {
    this.commits.observe({ outcome }, seconds);
  }

  /** @param outcome `done`, `throttled` or `failed` */
  ec2Call(action: string, outcome: string): void {
    this.ec2Calls.inc({ action, outcome });
  }

  eventHappened(event: EventName): void {
    this.events.inc({ event });
  }

  /** The media type of the text. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** Prometheus' text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  private histogram(name: string, help: string): Histogram<'outcome'> {
    return new Histogram({ name, help, labelNames: ['outcome'], buckets, registers: [this.registry] });
  }

  private gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    set: (gauge: Gauge<Label>) => void,
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        set(this);
      },
    });
  }
}

/** Sets the number for every state, also if it is 0, because an alert needs a series that always exists. */
function setAll(
  gauge: Gauge<'state'>,
  states: readonly string[],
  numbers: ReadonlyMap<string, number>,
): void {
  for (const state of states) gauge.set({ state }, numbers.get(state) ?? 0);
}

/** Returns the number of items for each key. */
export function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const item of items) numbers.set(keyOf(item), (numbers.get(keyOf(item)) ?? 0) + 1);
  return numbers;
}
