import type { Lease } from '../../protocol/contract.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import { type AdmissionDeps, admitRequest } from './admit-request.ts';
import { checkRequest } from './check-request.ts';
import { type GrantDeps, grantLease } from './grant-lease.ts';
import { toLease } from './lease-recorder.ts';
import type { IdentifiedRequest, Requester } from './request-stages.ts';
import { castleStops, type QueuedRequest, requesterGone } from './wait-queue.ts';

/** The interval at which the first queued request retries, in milliseconds. The end of a mount without a lease wakes no request. */
const retryMs = 2_000;

export interface RequestDeps extends AdmissionDeps, GrantDeps {
  /** Allows one operation at a time per volume. */
  readonly volumeLock: KeyedMutex;
  /** Allows one operation at a time per mount point of a container. Lock order: first the volume, then the mount point. */
  readonly targetLock: KeyedMutex;
}

/** The result of a granted request. */
export interface LeaseAnswer {
  readonly lease: Lease;
  /** Whether the lease was created by this request; false when the container already had the lease. */
  readonly isNew: boolean;
  /** Whether the request waited in the queue. */
  readonly waited: boolean;
}

type Outcome = Omit<LeaseAnswer, 'waited'>;

/**
 * Handles a request for a lease: grants a new lease and mounts the volume, or returns the lease that the container already has.
 * @param waitSeconds how long the request waits in the queue if the volume is in use, in seconds
 * @param requester the sender; when it disconnects or ends, a queued request is refused
 * @throws RefusalError bad_volume_name, bad_target, not_permitted, volume_in_use, busy, backend_failed
 */
export async function requestLease(
  deps: RequestDeps,
  request: IdentifiedRequest,
  waitSeconds: number,
  requester: Requester,
): Promise<LeaseAnswer> {
  checkRequest(request);
  try {
    return { ...(await deps.volumeLock.run(request.volume, () => tryRequest(deps, request))), waited: false };
  } catch (thrown) {
    if (waitSeconds === 0 || !isInUse(thrown)) throw thrown;
    return { ...(await waitInQueue(deps, request, waitSeconds * 1000, requester)), waited: true };
  }
}

/** Attempts once to grant the request, while it holds the volume's lock. */
async function tryRequest(
  deps: RequestDeps,
  request: IdentifiedRequest,
  queued?: QueuedRequest,
): Promise<Outcome> {
  const admission = await admitRequest(deps, request, queued);
  if (admission.kind === 'existing') return { lease: toLease(admission.lease), isNew: false };
  const lease = await deps.targetLock.run(`${request.container.id} ${request.target}`, () =>
    grantLease(deps, admission.request),
  );
  return { lease: toLease(lease), isNew: true };
}

/** Retries whenever the queued request is woken, and periodically while it is the first one, until its time is over. */
async function waitInQueue(
  deps: RequestDeps,
  request: IdentifiedRequest,
  withinMs: number,
  requester: Requester,
): Promise<Outcome> {
  const { queue, volumeLock } = deps;
  const { container, volume } = request;
  const endsAt = performance.now() + withinMs;
  const queued = queue.enter(volume, container);
  deps.emit(`container ${container.name} waits for volume ${volume}`, {
    event: 'lease.waiting',
    volume,
    container: container.id,
    containerName: container.name,
  });
  try {
    for (;;) {
      let refusal: unknown;
      try {
        return await volumeLock.run(volume, async () => {
          if (isGone(requester)) throw requesterGone(volume, container.name);
          return tryRequest(deps, request, queued);
        });
      } catch (thrown) {
        // The connection alone is not enough: a child process of the requester may keep it open.
        if (!isInUse(thrown) || isGone(requester)) throw thrown;
        refusal = thrown;
      }
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0) throw refusal;
      const isFirst = queue.first(volume) === queued;
      const waitMs = isFirst ? Math.min(leftMs, retryMs) : leftMs;
      const wake = await queued.waitForWake(waitMs, requester.disconnected);
      if (wake === 'disconnected') throw requesterGone(volume, container.name);
      if (queue.isClosed) throw castleStops(volume);
    }
  } finally {
    queue.leave(queued);
  }
}

/** Whether the connection is closed or the process that sent the request has ended. */
const isGone = ({ disconnected, isAlive }: Requester): boolean => disconnected.aborted || !isAlive();

const isInUse = (thrown: unknown): boolean =>
  thrown instanceof RefusalError && thrown.code === 'volume_in_use';
