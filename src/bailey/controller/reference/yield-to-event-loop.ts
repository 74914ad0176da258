const maxBlockMs = 20;

/**
 * Lets long work on the main thread yield to the event loop, which handles signals and timers only then.
 * @returns a function to await between two steps, which yields to the event loop every 20 ms
 * @throws the signal's reason, once it is aborted
 */
export function eventLoopYielder(signal: AbortSignal): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < maxBlockMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    last = performance.now();
    signal.throwIfAborted();
  };
}
