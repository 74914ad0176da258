import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { SnapshotRecord, Store } from '../store/store.ts';
import { dueVolumes } from './due-snapshots.ts';
import { expiredSnapshots } from './retention.ts';
import type { SnapshotPlan } from './schedule-settings.ts';
import type { SnapshotService } from './snapshot-service.ts';

/**
 * The longest pause between checks of the clock, in milliseconds: a changed clock or a resumed host takes effect within this
 * time.
 */
const longestPauseMs = 60_000;
/** The maximum number of volumes that are copied at the same time, because they share the disk. */
const atOnce = 2;
/** How long `stop` waits for work in progress, in milliseconds. The next castle recovers unfinished work. */
const lastWorkMs = 5_000;

/** The dependencies of the scheduler. */
export interface SchedulerDeps {
  readonly store: Store;
  readonly snapshots: SnapshotService;
  /** The name of the castle's backend: snapshots of other backends are ignored. */
  readonly backend: string;
  /** Called after snapshots were taken. */
  readonly taken: () => void;
  readonly emit: EmitEvent;
}

/** Takes snapshots according to the plan, and deletes the scheduled snapshots that the plan does not keep. */
export class SnapshotScheduler {
  private readonly tried = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly plan: SnapshotPlan,
    private readonly deps: SchedulerDeps,
  ) {}

  /** Starts the schedule; overdue snapshots are taken first. */
  start(): void {
    this.working = this.work().finally(() => this.wait());
  }

  /** Starts no more snapshots, and waits at most 5 seconds for those in progress. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await Promise.race([this.working, sleep(lastWorkMs, undefined, { ref: false })]);
  }

  /** Returns the scheduled snapshots that the plan does not keep. */
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

  /** Deletes the scheduled snapshots that the plan does not keep. @returns those that were deleted */
  async prune(): Promise<readonly SnapshotRecord[]> {
    const gone: SnapshotRecord[] = [];
    for (const record of this.expired()) {
      try {
        await this.deps.snapshots.delete(record.id);
        gone.push(record);
      } catch (thrown) {
        this.deps.emit(`cannot remove snapshot ${record.id}: ${errorMessage(thrown)}`, {
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
      // After a failure, the volume waits for the next scheduled time: an immediate retry would freeze its file system
      // again.
      this.tried.set(volume, Date.now());
      try {
        const { id } = await this.deps.snapshots.take(volume, { origin: 'scheduled' });
        await this.deps.snapshots.settled(id, longestPauseMs);
      } catch {
        // The snapshot service has logged the failure.
      }
    }
  }
}
