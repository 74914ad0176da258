import { errorMessage } from '../../../terminal/failure.ts';
import type { Backend } from '../../backends/backend.ts';
import type { SnapshotContent } from '../../backends/snapshots.ts';
import type { EmitEvent } from '../../events/event.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { SnapshotRecord } from '../../store/store.ts';
import type { SnapshotService } from '../snapshot-service.ts';
import type { Copies, Copy } from './copies.ts';

export interface OffHostCopyDeps {
  readonly copies: Copies;
  readonly snapshots: SnapshotService;
  readonly backend: Backend;
  readonly emit: EmitEvent;
}

/** How often is looked for what is to be copied, in milliseconds: one that failed is tried again. */
const lookAgainMs = 60_000;

/** Brings snapshots to a place off this host, and back. Those by schedule go there by themselves. */
export class OffHostCopies {
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly deps: OffHostCopyDeps) {}

  /** For people: where. */
  get place(): string {
    return this.deps.copies.place;
  }

  /**
   * Copies a snapshot; one that is there already is not copied again.
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
      emit(`the snapshot of ${taken} of volume ${volume} is in ${copies.place} too`, {
        event: 'snapshot.copied',
        volume,
        snapshot: id,
        tookMs,
      });
      return copy;
    });
  }

  /**
   * Brings a snapshot back that is not on this host any more, or never was.
   * @throws RefusalError not_found, busy when it is here, bad_request when it is another backend's, backend_failed
   */
  async fetch(id: string): Promise<SnapshotRecord> {
    const { copies, snapshots } = this.deps;
    const content = this.content();
    const copy = await copies.find(id);
    return snapshots.fetch(copy.snapshot, async () =>
      content.write(copy.snapshot, copy.format, await copies.read(copy)),
    );
  }

  /** What is there. @param volume only those of this one */
  list(volume?: string): Promise<readonly Copy[]> {
    return this.deps.copies.list(volume);
  }

  /**
   * Removes a copy for good; the schedule makes no other one of that snapshot. One that is being made is removed when it
   * is there.
   * @throws RefusalError not_found, backend_failed
   */
  remove(id: string): Promise<void> {
    const { copies, snapshots, emit } = this.deps;
    return snapshots.withSnapshotId(id, async () => {
      const { snapshot } = await copies.find(id);
      // First, so that a castle that is killed in between does not go on believing in a copy that is not there.
      await snapshots.setOffHostCopy(id, 'unwanted');
      try {
        await copies.remove(id);
      } catch (thrown) {
        await snapshots.setOffHostCopy(id, 'copied');
        throw thrown;
      }
      emit(`the copy of the snapshot of ${snapshot.taken} of volume ${snapshot.volume} is removed`, {
        event: 'copy.removed',
        volume: snapshot.volume,
        snapshot: id,
      });
    });
  }

  /** Copies what the schedule has taken, now and from now on, and takes back what killed castles have left there. */
  start(): void {
    this.look();
    void this.sweep();
    this.timer = setInterval(() => this.look(), lookAgainMs).unref();
  }

  /** Something may be there to be copied. */
  look(): void {
    const content = this.deps.backend.snapshots?.content ?? null;
    if (this.stopped || this.working !== undefined || content === null) return;
    this.working = this.copyScheduled().finally(() => {
      this.working = undefined;
    });
  }

  /** Begins nothing any more. What is under way ends with the castle: half an object is none. */
  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
  }

  private async copyScheduled(): Promise<void> {
    const { snapshots, backend, emit } = this.deps;
    const due = snapshots
      .list()
      .filter((one) => one.backend === backend.name && one.origin === 'scheduled' && one.state === 'ready')
      .filter(({ offHostCopy }) => offHostCopy === 'none');
    for (const { id, volume } of due) {
      if (this.stopped) return;
      try {
        await this.copy(id);
      } catch (thrown) {
        // The schedule may have removed it meanwhile.
        if (thrown instanceof RefusalError && thrown.code === 'not_found') continue;
        emit(`snapshot ${id} of volume ${volume} is not copied: ${errorMessage(thrown)}`, {
          event: 'copy.failed',
          volume,
          snapshot: id,
        });
        // The others would wait for the same store.
        return;
      }
    }
  }

  private async sweep(): Promise<void> {
    const { copies, emit } = this.deps;
    try {
      await copies.sweep();
    } catch (thrown) {
      emit(`the look for what was left half written failed: ${errorMessage(thrown)}`, {
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
      `nothing is copied from the ${backend.description}`,
      backend.snapshots === null ? 'it has no snapshots' : 'its snapshots are off this host by themselves',
    );
  }
}
