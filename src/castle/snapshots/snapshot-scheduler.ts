import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { SnapshotRecord, Store } from '../store/store.ts';
import { dueVolumes } from './due-snapshots.ts';
import { expiredSnapshots } from './retention.ts';
import type { SnapshotPlan } from './schedule-settings.ts';
import type { SnapshotService } from './snapshot-service.ts';

/** The longest pause, in milliseconds: a clock that was set, or a host that slept, is noticed within it. */
const longestPauseMs = 60_000;
/** How many volumes are copied at the same time: they share the disk. */
const atOnce = 2;
/** How long the stop waits for work in progress, in milliseconds. The next castle recovers what it leaves. */
const lastWorkMs = 5_000;

/** What the scheduler works with. */
export interface SchedulerDeps {
  readonly store: Store;
  readonly snapshots: SnapshotService;
  /** The name of the castle's backend: snapshots of other backends are not touched. */
  readonly backend: string;
  /** Called after snapshots were taken. */
  readonly taken: () => void;
  readonly emit: EmitEvent;
}

/** Takes snapshots by the plan, and deletes those that the plan does not keep. */
export class SnapshotScheduler {
  private readonly tried = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly plan: SnapshotPlan,
    private readonly deps: SchedulerDeps,
  ) {}

  /** Begins with the snapshots that are overdue. */
  start(): void {
    this.working = this.work().finally(() => this.wait());
  }

  /** Begins no more snapshots, and waits for those in progress, for at most 5 seconds. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await Promise.race([this.working, sleep(lastWorkMs, undefined, { ref: false })]);
  }

  /** The scheduled snapshots that the plan does not keep. */
  expired(): readonly SnapshotRecord[] {
    const { store, backend } = this.deps;
    const lives = new Map<string, SnapshotRecord[]>();
    for (const record of store.snapshots()) {
      if (record.backend !== backend || record.origin !== 'scheduled' || record.state !== 'ready') continue;
      const life = `${record.volume} ${record.volumeId ?? ''}`;
      lives.set(life, [...(lives.get(life) ?? []), record]);
    }
    return [...lives.values()].flatMap((records) => expiredSnapshots(records, this.plan.retention));
  }

  /** Deletes them. @returns those that were deleted */
  async prune(): Promise<readonly SnapshotRecord[]> {
    const gone: SnapshotRecord[] = [];
    for (const record of this.expired()) {
      try {
        await this.deps.snapshots.delete(record.id);
        gone.push(record);
      } catch (thrown) {
        this.deps.emit(`snapshot ${record.id} could not be removed: ${errorMessage(thrown)}`, {
          event: 'snapshot.unresolved',
          volume: record.volume,
          snapshot: record.id,
        });
      }
    }
    return gone;
  }

  private wait(): void {
    if (this.stopped) return;
    const nowMs = Date.now();
    const nextMs = this.plan.nextAfter(nowMs) ?? Number.POSITIVE_INFINITY;
    const pauseMs = Math.min(Math.max(0, nextMs - nowMs), longestPauseMs);
    this.timer = setTimeout(() => this.start(), pauseMs).unref();
  }

  private async work(): Promise<void> {
    const { store } = this.deps;
    const due = [
      ...dueVolumes(this.plan, Date.now(), {
        volumes: store.volumes(),
        leasesOn: (volume) => store.leasesOn(volume),
        snapshotsOf: (volume) => store.snapshotsOf(volume),
        tried: this.tried,
      }),
    ];
    if (due.length === 0) return;
    await Promise.all(Array.from({ length: atOnce }, () => this.takeSome(due)));
    await this.prune();
    this.deps.taken();
  }

  private async takeSome(due: string[]): Promise<void> {
    for (let volume = due.shift(); volume !== undefined && !this.stopped; volume = due.shift()) {
      // A failed snapshot waits for the next time of the schedule: an immediate retry would freeze the volume again.
      this.tried.set(volume, Date.now());
      try {
        const { id } = await this.deps.snapshots.take(volume, { origin: 'scheduled' });
        await this.deps.snapshots.settled(id, longestPauseMs);
      } catch {
        // The snapshot service has logged it.
      }
    }
  }
}
