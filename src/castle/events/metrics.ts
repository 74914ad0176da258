import { readdirSync } from 'node:fs';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { strayKinds } from '../housekeeping/stray.ts';
import type { EventName } from './event.ts';

/** What the snapshots of all volumes come to. */
export interface BackedUp {
  /** Volumes of which there is no whole snapshot. */
  readonly without: number;
  /** The age of each of the other volumes' last whole snapshot: that of the oldest, in seconds; 0 when there is none. */
  readonly oldestSeconds: number;
}

/** What is counted when somebody asks, not before. */
export interface Counted {
  /** How many leases are in each state. */
  leases(): ReadonlyMap<string, number>;
  /** How many volumes are in each state. */
  volumes(): ReadonlyMap<string, number>;
  /** How many snapshots are in each state. */
  snapshots(): ReadonlyMap<string, number>;
  /** How well volumes are backed up. */
  backedUp(): BackedUp;
  /** Whether the engine's events arrive; undefined where no engine is needed. */
  engine(): boolean | undefined;
  /** How many strays of each kind the last clean-up left. */
  strays(): ReadonlyMap<string, number>;
}

/** From below a millisecond, which a commit takes, to the bound of a mount. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * What /metrics shows. Labels are states, outcomes and names of events only: no container, no volume, so that their
 * number is bounded and nobody's business is in them. prom-client's own default metrics are left out: they measure the
 * event loop with a timer of 10 ms, and an idle castle should sleep.
 */
export class Metrics {
  private readonly registry = new Registry();
  private readonly requests = this.histogram(
    'castle_lease_request_seconds',
    'Requests for leases, by outcome: granted, reused, waited, or the code of the refusal',
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
    'Commits of the store, from the wish to the disk',
  );
  private readonly happenings = new Counter({
    name: 'castle_events_total',
    help: 'What happened, by name',
    labelNames: ['event'],
    registers: [this.registry],
  });

  private readonly ec2Calls = new Counter({
    name: 'castle_ec2_calls_total',
    help: "Calls of EC2's API, each try of its own, by action and outcome",
    labelNames: ['action', 'outcome'],
    registers: [this.registry],
  });

  constructor(counted: Counted, version: string) {
    this.gauge('castle_info', 'The castle that answers', ['version'], (gauge) => gauge.set({ version }, 1));
    this.gauge('castle_leases', 'Leases by state', ['state'], (gauge) => {
      setAll(gauge, ['mounting', 'mounted', 'releasing'], counted.leases());
    });
    this.gauge('castle_volumes', 'Volumes by state', ['state'], (gauge) => {
      setAll(gauge, ['creating', 'ready', 'deleted'], counted.volumes());
    });
    this.gauge('castle_snapshots', 'Snapshots by state', ['state'], (gauge) => {
      setAll(gauge, ['freezing', 'taking', 'kept', 'removing'], counted.snapshots());
    });
    this.gauge(
      'castle_volumes_without_snapshot',
      'Volumes of which there is no whole snapshot',
      [],
      (gauge) => gauge.set(counted.backedUp().without),
    );
    this.gauge(
      'castle_last_snapshot_age_seconds',
      'The age of the last whole snapshot of a volume: the greatest of all',
      [],
      (gauge) => gauge.set(counted.backedUp().oldestSeconds),
    );
    this.gauge('castle_engine_connected', "Whether the engine's events arrive", [], (gauge) => {
      const engine = counted.engine();
      if (engine === undefined) gauge.remove();
      else gauge.set(engine ? 1 : 0);
    });
    this.gauge('castle_garbage', 'What the last clean-up left, by kind', ['kind'], (gauge) => {
      const strays = counted.strays();
      for (const kind of strayKinds) gauge.set({ kind }, strays.get(kind) ?? 0);
    });
    const startedSeconds = Math.floor(Date.now() / 1000 - process.uptime());
    this.gauge('process_start_time_seconds', 'When it was started, since 1970', [], (gauge) =>
      gauge.set(startedSeconds),
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
    let told = 0;
    new Counter({
      name: 'process_cpu_seconds_total',
      help: 'CPU time, user and system',
      registers: [this.registry],
      collect() {
        const { user, system } = process.cpuUsage();
        this.inc((user + system) / 1e6 - told);
        told = (user + system) / 1e6;
      },
    });
  }

  /** @param outcome `granted`, `reused`, `waited`, or a refusal's code */
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

  happened(event: EventName): void {
    this.happenings.inc({ event });
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

/** A state that nothing is in counts 0: a series that comes and goes can't be watched. */
function setAll(
  gauge: Gauge<'state'>,
  states: readonly string[],
  numbers: ReadonlyMap<string, number>,
): void {
  for (const state of states) gauge.set({ state }, numbers.get(state) ?? 0);
}

/** How many there are of each. */
export function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const item of items) numbers.set(keyOf(item), (numbers.get(keyOf(item)) ?? 0) + 1);
  return numbers;
}
