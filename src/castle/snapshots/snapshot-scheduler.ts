import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import { type RepeatedTask, repeatTask } from '../scheduling/repeat-task.ts';
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
  private readonly runs: RepeatedTask;

  constructor(
    private readonly plan: SnapshotPlan,
    private readonly deps: SchedulerDeps,
  ) {
    this.runs = repeatTask(
      async (stop) => {
        await this.takeDue(stop);
        return this.pauseMs();
      },
      {
        failed: (thrown) => {
          deps.emit(`the scheduled snapshots could not be taken: ${errorMessage(thrown)}`);
          return longestPauseMs;
        },
      },
    );
  }

  /** Starts the schedule; overdue snapshots are taken first. */
  start(): void {
    this.runs.runIn(0);
  }

  /** Starts no more snapshots, and waits at most 5 seconds for those in progress. The next castle recovers unfinished work. */
  stop(): Promise<void> {
    return this.runs.stop();
  }

  /**
   * Returns the scheduled snapshots that the plan does not keep. Those in use are left out, such as one that is being
   * copied: the schedule must not wait for an off-host store.
   */
  expired(): readonly SnapshotRecord[] {
    const { store, backend } = this.deps;
    const byVolume = new Map<string, SnapshotRecord[]>();
    for (const record of store.snapshots()) {
      if (record.backend !== backend || record.origin !== 'scheduled' || record.state !== 'ready') continue;
      const volumeKey = `${record.volume} ${record.volumeId ?? ''}`;
      byVolume.set(volumeKey, [...(byVolume.get(volumeKey) ?? []), record]);
    }
    return [...byVolume.values()]
      .flatMap((records) => expiredSnapshots(records, this.plan.retention))
      .filter(({ id }) => !this.deps.snapshots.isBusy(id));
  }

  /** Deletes the snapshots of `expired`. @returns those that were deleted */
  async prune(): Promise<readonly SnapshotRecord[]> {
    const deleted: SnapshotRecord[] = [];
    for (const record of this.expired()) {
      try {
        await this.deps.snapshots.delete(record.id);
        deleted.push(record);
      } catch (thrown) {
        this.deps.emit(`cannot remove snapshot ${record.id}: ${errorMessage(thrown)}`, {
          event: 'snapshot.unresolved',
          volume: record.volume,
          snapshot: record.id,
        });
      }
    }
    return deleted;
  }

  /** The time until the next scheduled time, in milliseconds. */
  private pauseMs(): number {
    const nowMs = Date.now();
    const nextMs = this.plan.nextAfter(nowMs) ?? Number.POSITIVE_INFINITY;
    return Math.min(Math.max(0, nextMs - nowMs), longestPauseMs);
  }

  private async takeDue(stop: AbortSignal): Promise<void> {
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
    await Promise.all(Array.from({ length: atOnce }, () => this.takeSome(due, stop)));
    await this.prune();
    this.deps.taken();
  }

  private async takeSome(due: string[], stop: AbortSignal): Promise<void> {
    for (let volume = due.shift(); volume !== undefined && !stop.aborted; volume = due.shift()) {
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
