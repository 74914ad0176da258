import { RefusalError } from '../refusals/refusal.ts';
import type { Container } from '../runtimes/runtime.ts';

/** More requests of one container wait for nothing that fewer would not get. */
const limitPerContainer = 8;
/** Each of them keeps a connection. */
const limitInAll = 512;

/** A request that waits for a volume. */
export class QueuedRequest {
  private isCalled = false;
  private wake: (() => void) | undefined;

  constructor(
    readonly volume: string,
    readonly container: Container,
  ) {}

  /** It may be its turn now; a call that comes while it looks counts for the next time. */
  call(): void {
    this.isCalled = true;
    this.wake?.();
  }

  /**
   * Waits until it may be its turn.
   * @param withinMs milliseconds
   * @param gone aborted when nobody asks any more
   */
  async turn(withinMs: number, gone: AbortSignal): Promise<'turn' | 'late' | 'gone'> {
    if (!this.isCalled && !gone.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        const wake = () => {
          clearTimeout(timer);
          resolve();
        };
        this.wake = wake;
        gone.addEventListener('abort', wake, { once: true });
      }).finally(() => {
        if (this.wake !== undefined) gone.removeEventListener('abort', this.wake);
        this.wake = undefined;
      });
    }
    if (gone.aborted) return 'gone';
    const isCalled = this.isCalled;
    this.isCalled = false;
    return isCalled ? 'turn' : 'late';
  }
}

/** Who waits for which volume; first come, first served. */
export class WaitQueue {
  private readonly lines = new Map<string, QueuedRequest[]>();
  private closed = false;

  /** How many requests wait, for whatever. */
  get size(): number {
    let size = 0;
    for (const line of this.lines.values()) size += line.length;
    return size;
  }

  /** Whether the castle is to stop. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** Whose turn it is when a volume becomes free. */
  first(volume: string): QueuedRequest | undefined {
    return this.lines.get(volume)?.[0];
  }

  /**
   * Takes the last place in the line for a volume.
   * @throws RefusalError busy when too many wait, backend_failed when the castle is to stop
   */
  enter(volume: string, container: Container): QueuedRequest {
    if (this.closed) throw stopping(volume);
    this.checkRoom(container);
    const waiter = new QueuedRequest(volume, container);
    this.lines.set(volume, [...(this.lines.get(volume) ?? []), waiter]);
    return waiter;
  }

  /** Gives a place up; the next one may have its turn. */
  leave(waiter: QueuedRequest): void {
    const line = (this.lines.get(waiter.volume) ?? []).filter((other) => other !== waiter);
    if (line.length === 0) this.lines.delete(waiter.volume);
    else this.lines.set(waiter.volume, line);
    this.call(waiter.volume);
  }

  /** Something has changed with a volume: who is first looks whether it is free. */
  call(volume: string): void {
    this.first(volume)?.call();
  }

  /** Everybody stops waiting, and nobody begins. */
  close(): void {
    this.closed = true;
    for (const line of this.lines.values()) for (const waiter of line) waiter.call();
  }

  private checkRoom({ id, name }: Container): void {
    if (this.size >= limitInAll) {
      throw new RefusalError(
        'busy',
        `${limitInAll} requests wait already`,
        'ask again later, without waiting',
      );
    }
    let own = 0;
    for (const line of this.lines.values()) own += line.filter(({ container }) => container.id === id).length;
    if (own < limitPerContainer) return;
    const why = `${limitPerContainer} requests of container ${name} wait already`;
    throw new RefusalError('busy', why, 'end one of them first');
  }
}

/** Whoever asks again finds the next castle. */
export function stopping(volume: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${volume} is not free, and the castle stops`,
    'ask again',
  );
}

/** The line was for somebody who is not there any more. */
export function nobodyAsks(volume: string, container: string): RefusalError {
  return new RefusalError(
    'volume_in_use',
    `container ${container} waited for volume ${volume}, and does not ask any more`,
    'nothing is to be done',
  );
}

/** Others came first. */
export function waitedFor(volume: string, container: string): RefusalError {
  return new RefusalError(
    'volume_in_use',
    `volume ${volume} is waited for by container ${container}, which asked before`,
    'wait as well (waitSeconds), or ask again later',
    { holder: container },
  );
}
