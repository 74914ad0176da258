/** Number of concurrent calls: twice the four threads of libuv's pool, to keep them busy. */
const maxConcurrent = 8;

/**
 * Calls `work` for each item, several at a time. After the first error or an abort no further call is made; the error is
 * thrown when all running calls have ended.
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
