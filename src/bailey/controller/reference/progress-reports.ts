/** In milliseconds. Shorter work is not reported. */
const firstAfterMs = 2000;

/**
 * Reports the progress of work that takes longer than two seconds, at growing intervals.
 * @param report writes one line with the progress
 * @returns a function that stops the reports
 */
export function startProgressReports(report: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const schedule = (ms: number): void => {
    timer = setTimeout(() => {
      report();
      schedule(ms * 2);
    }, ms);
  };
  schedule(firstAfterMs);
  return () => clearTimeout(timer);
}
