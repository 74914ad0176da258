const longestMs = 20;

/**
 * For work that keeps the main thread busy: signals and timers are heard only when it pauses.
 * @returns a function to be awaited between two steps, which lets the event loop go round every 20 ms
 * @throws the signal's reason, once it is aborted
 */
export function eventLoopYielder(signal: AbortSignal): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < longestMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    last = performance.now();
    signal.throwIfAborted();
  };
}
