/** The largest body of a request, in bytes; the largest valid one has a path of 4096 bytes. */
export const bodyLimitBytes = 16 * 1024;
/** A client must send its whole request within this time, in milliseconds. */
export const requestWithinMs = 10_000;
/** A client must send the headers within this time, in milliseconds. Node checks at intervals of the same length. */
export const headersWithinMs = 5_000;
/** Retry-After of a response 503, in seconds. */
export const retryAfterS = 2;
/** How long a stop waits for requests in progress, in milliseconds: longer than a mount takes. */
export const lastAnswersMs = 15_000;
