/** Shorter work is not reported. */
const firstAfterMs = 2000;

/**
 * Reports the progress of work that takes longer than two seconds, at growing intervals.
 * @param tell writes one line with the progress
 * @returns a function that stops the reports
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
