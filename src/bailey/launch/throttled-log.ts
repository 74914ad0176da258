/** Interval in milliseconds after which a line with an unchanged reason is repeated. */
const repeatMs = 10_000;

/**
 * Limits the log lines of a retry loop: a line is written when the reason changes, and at most every ten seconds while it
 * does not.
 * @param logLine writes one line
 * @returns a function that takes the reason and the line to write
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
