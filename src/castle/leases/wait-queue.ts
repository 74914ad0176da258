/**
 * The queue of requests that wait for a volume: first come, first served, one queue per volume. Requests that only read
 * never wait behind others, because they conflict with nothing.
 *
 * A queued request is woken when something may have changed; it then tries again itself. So a wake-up that was not
 * needed does no harm, and one that comes during an attempt is kept for the next one.
 */
import { RefusalError } from '../refusals/refusal.ts';
import type { Container } from '../runtimes/runtime.ts';

/** How many requests of one container may wait. A container needs one for each of its volumes. */
const limitPerContainer = 8;
/** How many requests may wait in all: each keeps a connection open. */
const limitInAll = 512;

/** A request that waits for a volume. */
export class QueuedRequest {
  private isWoken = false;
  private wakeNow: (() => void) | undefined;

  constructor(
    readonly volume: string,
    readonly container: Container,
  ) {}

  /** Lets the request try again; if it is trying just now, once more afterwards. */
  wake(): void {
    this.isWoken = true;
    this.wakeNow?.();
  }

  /**
   * Waits until the request is woken.
   * @param withinMs milliseconds
   * @param disconnected aborted when the requester's connection closes
   */
  async waitForWake(
    withinMs: number,
    disconnected: AbortSignal,
  ): Promise<'woken' | 'timeout' | 'disconnected'> {
    if (!this.isWoken && !disconnected.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        const wakeNow = () => {
          clearTimeout(timer);
          resolve();
        };
        this.wakeNow = wakeNow;
        disconnected.addEventListener('abort', wakeNow, { once: true });
      }).finally(() => {
        if (this.wakeNow !== undefined) disconnected.removeEventListener('abort', this.wakeNow);
        this.wakeNow = undefined;
      });
    }
    if (disconnected.aborted) return 'disconnected';
    const isWoken = this.isWoken;
    this.isWoken = false;
    return isWoken ? 'woken' : 'timeout';
  }
}

/** The queued requests of all volumes. */
export class WaitQueue {
  private readonly queues = new Map<string, QueuedRequest[]>();
  private closed = false;

  /** How many requests wait, for any volume. */
  get size(): number {
    let size = 0;
    for (const queue of this.queues.values()) size += queue.length;
    return size;
  }

  /** Whether the castle is stopping. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** The request that gets the volume next. */
  first(volume: string): QueuedRequest | undefined {
    return this.queues.get(volume)?.[0];
  }

  /**
   * Adds a request at the end of a volume's queue.
   * @throws RefusalError busy when too many requests wait, backend_failed when the castle is stopping
   */
  enter(volume: string, container: Container): QueuedRequest {
    if (this.closed) throw castleStops(volume);
    this.checkLimits(container);
    const queued = new QueuedRequest(volume, container);
    this.queues.set(volume, [...(this.queues.get(volume) ?? []), queued]);
    return queued;
  }

  /** Removes a request, and wakes the first one that is left. */
  leave(queued: QueuedRequest): void {
    const queue = (this.queues.get(queued.volume) ?? []).filter((other) => other !== queued);
    if (queue.length === 0) this.queues.delete(queued.volume);
    else this.queues.set(queued.volume, queue);
    this.wakeFirst(queued.volume);
  }

  /** Called when a volume may have become free. */
  wakeFirst(volume: string): void {
    this.first(volume)?.wake();
  }

  /** Ends all waiting: the castle is stopping. */
  close(): void {
    this.closed = true;
    for (const queue of this.queues.values()) for (const queued of queue) queued.wake();
  }

  private checkLimits({ id, name }: Container): void {
    if (this.size >= limitInAll) {
      throw new RefusalError(
        'busy',
        `${limitInAll} requests already wait for volumes, which is the limit`,
        'send the request again later, or without waitSeconds',
      );
    }
    let own = 0;
    for (const queue of this.queues.values())
      own += queue.filter(({ container }) => container.id === id).length;
    if (own < limitPerContainer) return;
    const reason = `container ${name} already has ${limitPerContainer} requests that wait, which is the limit`;
    throw new RefusalError('busy', reason, 'wait for the answer to one of them, or cancel one, first');
  }
}

export function castleStops(volume: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the castle is stopping, and volume ${volume} is still in use`,
    'send the request again when the castle has started again',
  );
}

/** The answer reaches no process; it appears in the log and the metrics. */
export function requesterGone(volume: string, container: string): RefusalError {
  return new RefusalError(
    'volume_in_use',
    `container ${container} waited for volume ${volume}, but the process that sent the request is gone`,
    'nothing to do',
  );
}

export function olderRequestWaits(volume: string, container: string): RefusalError {
  return new RefusalError(
    'volume_in_use',
    `an earlier request of container ${container} waits for volume ${volume}`,
    'send the request with waitSeconds to wait behind it, or send it again later',
    { holder: container },
  );
}
