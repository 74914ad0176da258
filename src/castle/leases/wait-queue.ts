/**
 * The queues of requests that wait for a volume: one first-in, first-out queue per volume. Requests of readers never wait
 * behind others, because a reader conflicts with no other lease.
 *
 * A queued request is woken when its volume may have become free, and then makes another attempt. An unnecessary wake-up does
 * no harm. A wake-up during an attempt causes one more attempt afterwards.
 */
import { RefusalError } from '../refusals/refusal.ts';
import type { Container } from '../runtimes/runtime.ts';

/** The maximum number of queued requests of one container. A container needs one for each of its volumes. */
const limitPerContainer = 8;
/** The maximum number of queued requests. Each keeps a connection open. */
const limitInAll = 512;

/** A request that waits for a volume. */
export class QueuedRequest {
  private isWoken = false;
  private wakeNow: (() => void) | undefined;

  constructor(
    readonly volume: string,
    readonly container: Container,
  ) {}

  /** Wakes the request for another attempt. During an attempt, the wake-up applies when that attempt has ended. */
  wake(): void {
    this.isWoken = true;
    this.wakeNow?.();
  }

  /**
   * Waits until the request is woken, for a limited time.
   * @param withinMs the time limit, in milliseconds
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

  /** The number of queued requests for all volumes. */
  get size(): number {
    let size = 0;
    for (const queue of this.queues.values()) size += queue.length;
    return size;
  }

  /** Whether the castle is stopping. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** Returns the first request in a volume's queue. */
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

  /** Removes a request from its queue, and wakes the next one. */
  leave(queued: QueuedRequest): void {
    const queue = (this.queues.get(queued.volume) ?? []).filter((other) => other !== queued);
    if (queue.length === 0) this.queues.delete(queued.volume);
    else this.queues.set(queued.volume, queue);
    this.wakeFirst(queued.volume);
  }

  /** Wakes the first request of a volume's queue. Call this when the volume may have become free. */
  wakeFirst(volume: string): void {
    this.first(volume)?.wake();
  }

  /** Wakes all queued requests and accepts no more, because the castle stops. */
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
    throw new RefusalError('busy', reason, 'first wait for the answer to one of them, or cancel one');
  }
}

export function castleStops(volume: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the castle is stopping, and volume ${volume} is still in use`,
    'send the request again when the castle has started again',
  );
}

/** The process that sent the request has ended, so this refusal appears only in the log and the metrics. */
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
