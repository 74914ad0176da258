import { errorMessage } from '../../../terminal/failure.ts';
import type { Backend } from '../../backends/backend.ts';
import type { SnapshotContent } from '../../backends/snapshots.ts';
import type { EmitEvent } from '../../events/event.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import { repeatTask } from '../../scheduling/repeat-task.ts';
import type { SnapshotRecord } from '../../store/store.ts';
import type { SnapshotService } from '../snapshot-service.ts';
import type { Copies, Copy } from './copies.ts';

export interface OffHostCopyDeps {
  readonly copies: Copies;
  readonly snapshots: SnapshotService;
  readonly backend: Backend;
  readonly emit: EmitEvent;
}

/** The interval at which scheduled snapshots without a copy are copied, in milliseconds; a failed copy is retried then. */
const copyIntervalMs = 60_000;

/** Copies snapshots to an off-host store and fetches them back. Scheduled snapshots are copied automatically. */
export class OffHostCopies {
  private readonly runs = repeatTask(
    async (stop) => {
      await this.copyScheduled(stop);
      return copyIntervalMs;
    },
    {
      failed: (thrown) => {
        this.deps.emit(`the scheduled snapshots could not be copied: ${errorMessage(thrown)}`);
        return copyIntervalMs;
      },
    },
  );

  constructor(private readonly deps: OffHostCopyDeps) {}

  /** Returns the description of the object store, for messages. */
  get place(): string {
    return this.deps.copies.place;
  }

  /**
   * Copies a snapshot, unless a complete copy exists.
   * @throws RefusalError not_found, busy, bad_request, backend_failed
   */
  async copy(reference: string): Promise<Copy> {
    const { copies, snapshots, emit } = this.deps;
    const content = this.content();
    return snapshots.withSnapshot(reference, async (record) => {
      const begunMs = performance.now();
      const { id, volume, taken } = record;
      const copy = await copies.put({ id, volume, taken }, () => content.read(id));
      await snapshots.setOffHostCopy(id, 'copied');
      const tookMs = Math.round(performance.now() - begunMs);
      emit(`snapshot of volume ${volume}, taken ${taken}, is copied to ${copies.place}`, {
        event: 'snapshot.copied',
        volume,
        snapshot: id,
        tookMs,
      });
      return copy;
    });
  }

  /**
   * Fetches a snapshot that is not on this host from its off-host copy.
   * @throws RefusalError not_found, busy when the snapshot is on this host, bad_request when another backend took it,
   *   backend_failed
   */
  async fetch(id: string): Promise<SnapshotRecord> {
    const { copies, snapshots } = this.deps;
    const content = this.content();
    const copy = await copies.find(id);
    return snapshots.fetch(copy.snapshot, async () =>
      content.write(copy.snapshot, copy.format, await copies.read(copy)),
    );
  }

  /** Lists the off-host copies. @param volume lists only copies of this volume */
  list(volume?: string): Promise<readonly Copy[]> {
    return this.deps.copies.list(volume);
  }

  /**
   * Deletes a copy permanently; the snapshot is not copied automatically again. If the snapshot is being copied now, the
   * copy is deleted once it is complete.
   * @throws RefusalError not_found, backend_failed
   */
  remove(id: string): Promise<void> {
    const { copies, snapshots, emit } = this.deps;
    return snapshots.withSnapshotId(id, async () => {
      const { snapshot } = await copies.find(id);
      // Recorded before the deletion: if the castle is killed in between, the store does not claim a copy that no longer
      // exists.
      await snapshots.setOffHostCopy(id, 'unwanted');
      try {
        await copies.remove(id);
      } catch (thrown) {
        await snapshots.setOffHostCopy(id, 'copied');
        throw thrown;
      }
      emit(`the copy of the snapshot of volume ${snapshot.volume}, taken ${snapshot.taken}, is removed`, {
        event: 'copy.removed',
        volume: snapshot.volume,
        snapshot: id,
      });
    });
  }

  /** Starts to copy scheduled snapshots, now and at an interval, and aborts uploads that a killed castle left unfinished. */
  start(): void {
    this.look();
    void this.sweep();
  }

  /** Copies the scheduled snapshots that have no copy; when that is in progress, once more afterwards. */
  look(): void {
    const content = this.deps.backend.snapshots?.content ?? null;
    if (content !== null) this.runs.runIn(0);
  }

  /** Starts no more copies. An upload in progress is cut off when the castle exits, and leaves no object. */
  stop(): void {
    void this.runs.stop();
  }

  private async copyScheduled(stop: AbortSignal): Promise<void> {
    const { snapshots, backend, emit } = this.deps;
    const due = snapshots
      .list()
      .filter((one) => one.backend === backend.name && one.origin === 'scheduled' && one.state === 'ready')
      .filter(({ offHostCopy }) => offHostCopy === 'none');
    for (const { id, volume } of due) {
      if (stop.aborted) return;
      try {
        await this.copy(id);
      } catch (thrown) {
        // The retention of the schedule may have deleted the snapshot meanwhile.
        if (thrown instanceof RefusalError && thrown.code === 'not_found') continue;
        emit(`cannot copy snapshot ${id} of volume ${volume}: ${errorMessage(thrown)}`, {
          event: 'copy.failed',
          volume,
          snapshot: id,
        });
        // The next snapshots would most likely fail at the same object store.
        return;
      }
    }
  }

  private async sweep(): Promise<void> {
    const { copies, emit } = this.deps;
    try {
      await copies.sweep();
    } catch (thrown) {
      emit(`the search for abandoned uploads failed: ${errorMessage(thrown)}`, {
        event: 'copy.failed',
      });
    }
  }

  private content(): SnapshotContent {
    const { backend } = this.deps;
    const content = backend.snapshots?.content ?? null;
    if (content !== null) return content;
    throw new RefusalError(
      'bad_request',
      `the ${backend.description} does not support off-host copies`,
      backend.snapshots === null
        ? 'use a backend with snapshots'
        : 'its snapshots need no copy, because they are not stored on this host',
    );
  }
}
