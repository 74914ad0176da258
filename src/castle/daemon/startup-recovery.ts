import { errorMessage } from '../../terminal/failure.ts';
import type { Say } from '../events/event.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import { RefusalError } from '../refusals/refusal.ts';

/** How soon a backend that could not be reached is asked again, in milliseconds. */
const againAfterMs = 10_000;

/**
 * Finds out what is true after a start. A backend on another host may be away: then the castle serves what it can, and
 * finds out the rest when it is back.
 * @returns stops asking again
 */
export async function takeUp(ledger: LeaseService, say: Say): Promise<() => void> {
  let timer: NodeJS.Timeout | undefined;
  let isLost = false;
  async function tryVolumes(): Promise<void> {
    try {
      await ledger.reconcileVolumes();
      if (isLost) say('the volumes can be reached again, and were looked at', { event: 'backend.found' });
    } catch (thrown) {
      if (!(thrown instanceof RefusalError)) throw thrown;
      if (!isLost) {
        say(`the volumes cannot be reached, and are looked for again: ${errorMessage(thrown)}`, {
          event: 'backend.lost',
        });
      }
      isLost = true;
      timer = setTimeout(() => {
        tryVolumes().catch((thrown: unknown) =>
          say(`the volumes could not be looked at: ${errorMessage(thrown)}`, { event: 'volume.unclear' }),
        );
      }, againAfterMs).unref();
    }
  }
  await tryVolumes();
  await ledger.reconcileLeases();
  return () => clearTimeout(timer);
}
