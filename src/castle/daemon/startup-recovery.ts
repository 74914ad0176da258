import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import { recoverLeasesAtStart, recoverVolumesAtStart } from '../leases/reconcile-leases.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { type RepeatedTask, repeatTask } from '../scheduling/repeat-task.ts';

/** The interval between two attempts to recover unreachable volumes, in milliseconds. */
const retryMs = 10_000;

/**
 * Recovers after a start: compares volumes and leases with the backend and the mounts, and completes or reverts unfinished
 * operations of an earlier castle. The storage may be on another host and unreachable. The castle then serves requests that do
 * not need it, and recovers the volumes when they can be reached.
 * @returns a handle whose `stop` ends the attempts
 */
export async function recoverAtStart(
  leases: LeaseService,
  emit: EmitEvent,
): Promise<Pick<RepeatedTask, 'stop'>> {
  let isUnavailable = false;
  /** @returns milliseconds until the next attempt; undefined when the volumes are recovered */
  async function recoverVolumes(): Promise<number | undefined> {
    try {
      await recoverVolumesAtStart(leases);
      if (isUnavailable)
        emit('the volumes can be reached again and are recovered', { event: 'backend.available' });
      return undefined;
    } catch (thrown) {
      if (!(thrown instanceof RefusalError)) throw thrown;
      if (!isUnavailable) {
        emit(
          `the volumes cannot be reached; trying again every ${retryMs / 1000} s: ${errorMessage(thrown)}`,
          {
            event: 'backend.unavailable',
          },
        );
      }
      isUnavailable = true;
      return retryMs;
    }
  }
  const firstInMs = await recoverVolumes();
  const attempts = repeatTask(recoverVolumes, {
    ...(firstInMs === undefined ? {} : { firstInMs }),
    failed(thrown) {
      emit(`cannot recover the volumes: ${errorMessage(thrown)}`, { event: 'volume.unresolved' });
      return undefined;
    },
  });
  await recoverLeasesAtStart(leases);
  return attempts;
}
