import type { Writable } from 'node:stream';
import type { CastleEvent } from './event.ts';

/** More followers than this are refused. */
const limitOfFollowers = 32;
/** What may wait for one follower, in bytes; what comes beyond that it misses. */
const limitWaitingBytes = 256 * 1024;

interface Follower {
  readonly stream: Writable;
  missed: number;
}

/**
 * Those who follow what happens, a JSON object a line. A follower that doesn't read costs a bounded amount of memory
 * and nobody else's time: it misses what doesn't fit, and is told how much when it reads again.
 */
export class EventStream {
  private readonly all = new Set<Follower>();

  /** Whether there is room for one more. */
  get full(): boolean {
    return this.all.size >= limitOfFollowers;
  }

  /** Lets a stream follow from now on, until it is closed or the castle ends. */
  add(stream: Writable): void {
    const follower: Follower = { stream, missed: 0 };
    this.all.add(follower);
    // Both, since a stream that fails may close without being closed by its other end.
    stream.once('error', () => this.all.delete(follower));
    stream.once('close', () => this.all.delete(follower));
  }

  tell(happening: CastleEvent): void {
    const line = `${JSON.stringify(happening)}\n`;
    for (const follower of this.all) send(follower, line, happening.time);
  }

  /** Ends all of them. */
  close(): void {
    for (const { stream } of this.all) stream.end();
    this.all.clear();
  }
}

function send(follower: Follower, line: string, time: string): void {
  const { stream, missed } = follower;
  if (stream.writableLength > limitWaitingBytes) {
    follower.missed += 1;
    return;
  }
  if (missed > 0) {
    follower.missed = 0;
    const gap: CastleEvent = {
      time,
      event: 'events.dropped',
      count: missed,
      message: `${missed} events were missed: they were read too slowly`,
    };
    stream.write(`${JSON.stringify(gap)}\n`);
  }
  stream.write(line);
}
