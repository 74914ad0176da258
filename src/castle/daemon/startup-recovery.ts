import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import { recoverLeasesAtStart, recoverVolumesAtStart } from '../leases/reconcile-leases.ts';
import { RefusalError } from '../refusals/refusal.ts';

/** How soon a backend that could not be reached is asked again, in milliseconds. */
const againAfterMs = 10_000;

/**
 * Finds out what is true after a start. A backend on another host may be away: then the castle serves what it can, and
 * finds out the rest when it is back.
 * @returns stops asking again
 */
export async function recoverAtStart(leases: LeaseService, emit: EmitEvent): Promise<() => void> {
  let timer: NodeJS.Timeout | undefined;
  let isLost = false;
  async function tryVolumes(): Promise<void> {
    try {
      await recoverVolumesAtStart(leases);
      if (isLost)
        emit('the volumes can be reached again, and were looked at', { event: 'backend.available' });
    } catch (thrown) {
      if (!(thrown instanceof RefusalError)) throw thrown;
      if (!isLost) {
        emit(`the volumes cannot be reached, and are looked for again: ${errorMessage(thrown)}`, {
          event: 'backend.unavailable',
        });
      }
      isLost = true;
      timer = setTimeout(() => {
        tryVolumes().catch((thrown: unknown) =>
          emit(`the volumes could not be looked at: ${errorMessage(thrown)}`, { event: 'volume.unresolved' }),
        );
      }, againAfterMs).unref();
    }
  }
  await tryVolumes();
  await recoverLeasesAtStart(leases);
  return () => clearTimeout(timer);
}
