import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Dockerode from 'dockerode';
import { errorMessage } from '../../terminal/failure.ts';
import type { EngineDialect } from './engine-api-dialects.ts';
import { readEvent } from './engine-event.ts';
import type { ContainerEvent, EngineListener, EngineWatch } from './runtime.ts';

/** How far before the newest known event a new stream starts, in milliseconds. The overlap exists because the engine can lose events. */
const overlapMs = 5_000;
/** The first and the longest pause between two attempts to connect, in milliseconds. Each pause is twice the previous one. */
const [firstPauseMs, lastPauseMs] = [200, 5_000];
/** How often the engine is pinged, in milliseconds: an engine that hangs does not close the stream. */
const pingEveryMs = 30_000;

/** The clients of the engine's API. */
export interface EngineClients {
  /** For requests; with a time-out. */
  readonly asking: Pick<Dockerode, 'listContainers' | 'ping'>;
  /** For the event stream, which may be silent for days; without a time-out. */
  readonly following: Pick<Dockerode, 'getEvents'>;
}

/**
 * Follows the events of the engine while the castle runs, and reconnects after the engine was stopped. So that no event is missed,
 * each connection requests the events since shortly before the newest known one, and the list of all running containers.
 * @param dialect how the engine names these events
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

  function setConnected(now: boolean, reason: string): void {
    if (connected === now) return;
    connected = now;
    if (now) listener.connected();
    else listener.disconnected(reason);
  }

  /** Passes on an event, unless it is a repeated one from the overlap, or from before this castle started. */
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
    await asking.ping(); // an engine that hangs accepts the connection of the stream too, and sends nothing
    const since = Math.floor((newestMs - overlapMs) / 1000);
    const filters = JSON.stringify(dialect.filters);
    const options = { since, filters, abortSignal: signal };
    const stream = asReadable(await following.getEvents(options));
    try {
      // The list is read after the stream has started: a container that ends in between is in one of the two.
      const atMs = Date.now();
      const running = await asking.listContainers();
      signal.throwIfAborted();
      setConnected(true, '');
      listener.running(new Set(running.map(({ Id }) => Id)), atMs);
      keepPinging(asking, signal).catch((thrown: unknown) => stream.destroy(asError(thrown)));
      for await (const line of lines(stream)) {
        const read = readEvent(line);
        if (read !== undefined) take(read.event, read.key);
      }
      throw new Error('it closed the event stream');
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
        setConnected(false, errorMessage(thrown));
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

/** Pings the engine repeatedly. @throws Error when it does not answer */
async function keepPinging(asking: EngineClients['asking'], signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(pingEveryMs, undefined, { signal, ref: false });
    await asking.ping();
  }
}

/** dockerode declares less than it returns, which is the answer of Node's HTTP client. */
function asReadable(stream: NodeJS.ReadableStream): Readable {
  if (stream instanceof Readable) return stream;
  throw new Error('the engine does not return a stream');
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/** The largest size of an event, in characters; it includes all labels. */
const longestLine = 1024 * 1024;

async function* lines(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const part of stream as AsyncIterable<string>) {
    const parts = (rest + part).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > longestLine) throw new Error(`an event of more than ${longestLine} characters`);
    yield* parts;
  }
}
