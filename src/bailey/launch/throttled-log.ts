/** A line about the same reason appears again after this many milliseconds. */
const repeatMs = 10_000;

/**
 * Lines about a wait: one when its reason changes, and one in ten seconds while it doesn't, however often it is tried.
 * @param say prints a line
 * @returns takes the reason, and the line that tells of it
 */
export function throttledLog(logLine: (line: string) => void): (reason: string, line: string) => void {
  let last = { reason: '', at: Number.NEGATIVE_INFINITY };
  return (reason, line) => {
    const at = performance.now();
    if (reason === last.reason && at - last.at < repeatMs) return;
    logLine(line);
    last = { reason, at };
  };
}
