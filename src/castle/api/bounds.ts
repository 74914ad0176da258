/** A request has at most this many bytes; the largest right one has a path of 4096. */
export const bodyLimitBytes = 16 * 1024;
/** A peer that sends its request more slowly than this is cut off, in milliseconds. */
export const requestWithinMs = 10_000;
/** One that doesn't even begin is cut off after this, and the time until somebody looks, which is as long again. */
export const headersWithinMs = 5_000;
/** When what the castle could not do may be worth another try, in seconds. */
export const retryAfterS = 2;
/** How long requests under way may take when the castle is to stop, in milliseconds: longer than a mount. */
export const lastAnswersMs = 15_000;
