/**
 * Returns the time limits of an AWS SDK client, in milliseconds.
 *
 * The SDK's `requestTimeout` only logs a warning, and as an error it would also end a long upload. `socketTimeout` ends a
 * request on whose connection nothing is sent or received (NodeHttpHandlerOptions in @smithy/types 4).
 * @param connectWithinMs for opening a connection
 * @param silentForMs for silence on an open one
 */
export const httpTimeouts = (connectWithinMs: number, silentForMs: number) => ({
  connectionTimeout: connectWithinMs,
  socketTimeout: silentForMs,
});
