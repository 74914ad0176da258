/** Files in flight: libuv has four threads for file operations; the rest of the time goes into waiting for the disk. */
const maxConcurrent = 8;

/**
 * Calls `work` for each item, some at once. After the first failure, or when `signal` is aborted, nothing is begun any
 * more; the failure is thrown when what was begun has ended.
 */
export async function forEachConcurrently<T>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const item of rest) {
      if (failed) return;
      try {
        signal.throwIfAborted();
        await work(item);
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    }
  };
  const results = await Promise.allSettled(
    Array.from({ length: Math.min(maxConcurrent, items.length) }, worker),
  );
  const first = results.find((result) => result.status === 'rejected');
  if (first !== undefined) throw first.reason;
}
