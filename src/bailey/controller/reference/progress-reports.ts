/** Whoever waits longer than this wants to know that something happens. */
const firstAfterMs = 2000;

/**
 * Tells how far a piece of work is when it takes longer than two seconds, and again after twice that time, and so on.
 * @param tell called with nothing else to do; prints one line
 * @returns a function that ends it
 */
export function startProgressReports(tell: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const arm = (ms: number): void => {
    timer = setTimeout(() => {
      tell();
      arm(ms * 2);
    }, ms);
  };
  arm(firstAfterMs);
  return () => clearTimeout(timer);
}
