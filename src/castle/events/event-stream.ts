import type { Writable } from 'node:stream';
import type { CastleEvent } from './event.ts';

/** The maximum number of readers. */
const limitOfReaders = 32;
/** The largest buffer of one reader, in bytes. Events that do not fit are dropped. */
const limitBufferedBytes = 256 * 1024;

interface Reader {
  readonly stream: Writable;
  /** Events dropped since the last one that was sent. */
  dropped: number;
}

/**
 * The readers of /v1/events. Each reader receives every event as one line of JSON. For a slow reader, events that do not fit
 * into its bounded buffer are dropped, and the reader later receives their number. A slow reader delays no other reader.
 */
export class EventStream {
  private readonly readers = new Set<Reader>();

  /** Whether no more readers are accepted. */
  get isFull(): boolean {
    return this.readers.size >= limitOfReaders;
  }

  /** Sends every event from now on to a stream, until the stream closes or the castle stops. */
  add(stream: Writable): void {
    const reader: Reader = { stream, dropped: 0 };
    this.readers.add(reader);
    // Both events: a stream that fails may emit no 'close'.
    stream.once('error', () => this.readers.delete(reader));
    stream.once('close', () => this.readers.delete(reader));
  }

  send(event: CastleEvent): void {
    const line = `${JSON.stringify(event)}\n`;
    for (const reader of this.readers) sendLine(reader, line, event.time);
  }

  /** Ends all streams. */
  close(): void {
    for (const { stream } of this.readers) stream.end();
    this.readers.clear();
  }
}

function sendLine(reader: Reader, line: string, time: string): void {
  const { stream, dropped } = reader;
  if (stream.writableLength > limitBufferedBytes) {
    reader.dropped += 1;
    return;
  }
  if (dropped > 0) {
    reader.dropped = 0;
    const gap: CastleEvent = {
      time,
      event: 'events.dropped',
      count: dropped,
      message: `${dropped} events were dropped, because they were read too slowly`,
    };
    stream.write(`${JSON.stringify(gap)}\n`);
  }
  stream.write(line);
}
