import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Dockerode from 'dockerode';
import { errorMessage } from '../../terminal/failure.ts';
import type { EngineDialect } from './engine-api-dialects.ts';
import { readEvent } from './engine-event.ts';
import type { ContainerEvent, EngineListener, EngineWatch } from './runtime.ts';

/** How far back a new stream begins before the last event that was seen, in milliseconds: the engine loses some. */
const overlapMs = 5_000;
/** Between two tries to reach the engine, in milliseconds: from the first to the last it doubles. */
const [firstPauseMs, lastPauseMs] = [200, 5_000];
/** How often a silent stream is doubted: an engine that hangs closes nothing. */
const doubtAfterMs = 30_000;

/** What is used of the engine's API. */
export interface EngineClients {
  /** For answers: with a bound. */
  readonly asking: Pick<Dockerode, 'listContainers' | 'ping'>;
  /** For the stream, which may be silent for days: without. */
  readonly following: Pick<Dockerode, 'getEvents'>;
}

/**
 * Follows the engine for as long as the castle runs, whether it is there or not. Each connection begins with what was
 * missed: events from before the last one on, and the list of all containers that run.
 * @param dialect how it calls what the castle wants to hear
 */
export function followEngine(
  { asking, following }: EngineClients,
  dialect: EngineDialect,
  listener: EngineListener,
): EngineWatch {
  const stopping = new AbortController();
  const seen = new Map<string, number>();
  const begunMs = Date.now();
  let newestMs = begunMs;
  let connected: boolean | undefined;

  function change(now: boolean, why: string): void {
    if (connected === now) return;
    connected = now;
    if (now) listener.found();
    else listener.lost(why);
  }

  /** Tells of an event that wasn't told of yet; the overlap brings some twice, and at first some of an earlier castle's. */
  function take(event: ContainerEvent, key: string): void {
    if (seen.has(key) || event.atMs < begunMs) return;
    newestMs = Math.max(newestMs, event.atMs);
    seen.set(key, event.atMs);
    for (const [old, atMs] of seen) if (atMs < newestMs - 2 * overlapMs) seen.delete(old);
    listener.event(event);
  }

  async function once(): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([stopping.signal, ended.signal]);
    await asking.ping(); // an engine that hangs takes the connection for the stream, too, and says nothing
    const since = Math.floor((newestMs - overlapMs) / 1000);
    const filters = JSON.stringify(dialect.filters);
    const options = { since, filters, abortSignal: signal };
    const stream = asReadable(await following.getEvents(options));
    try {
      // The list after the stream has begun: what ends in between is in one of the two.
      const atMs = Date.now();
      const running = await asking.listContainers();
      signal.throwIfAborted();
      change(true, '');
      listener.running(new Set(running.map(({ Id }) => Id)), atMs);
      doubt(asking, signal).catch((thrown: unknown) => stream.destroy(asError(thrown)));
      for await (const line of lines(stream)) {
        const read = readEvent(line);
        if (read !== undefined) take(read.event, read.key);
      }
      throw new Error('it closed the stream of events');
    } finally {
      ended.abort();
      stream.destroy();
    }
  }

  async function forever(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!stopping.signal.aborted) {
      try {
        await once();
      } catch (thrown) {
        if (stopping.signal.aborted) return;
        if (connected === true) pauseMs = firstPauseMs;
        change(false, errorMessage(thrown));
      }
      await sleep(pauseMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, lastPauseMs);
    }
  }

  void forever();
  return {
    connected: () => connected === true,
    async compare() {
      if (connected !== true) return;
      const atMs = Date.now();
      const running = await asking.listContainers();
      if (!stopping.signal.aborted) listener.running(new Set(running.map(({ Id }) => Id)), atMs);
    },
    stop: () => stopping.abort(),
  };
}

/** Asks the engine whether it still lives, again and again. @throws Error when it doesn't */
async function doubt(asking: EngineClients['asking'], signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(doubtAfterMs, undefined, { signal, ref: false });
    await asking.ping();
  }
}

/** The declarations say less than there is: what dockerode gives is the answer of Node's own HTTP client. */
function asReadable(stream: NodeJS.ReadableStream): Readable {
  if (stream instanceof Readable) return stream;
  throw new Error('the engine gives no stream');
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/** The longest line that an event may have, in bytes: labels are in it. */
const longestLine = 1024 * 1024;

async function* lines(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const part of stream as AsyncIterable<string>) {
    const parts = (rest + part).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > longestLine) throw new Error('an event without an end');
    yield* parts;
  }
}
