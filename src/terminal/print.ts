import { errorCode, Failure, Interrupted } from './failure.ts';

/**
 * Writes a command's result to standard output, whole, before the command goes on.
 * @throws Interrupted SIGPIPE when nobody reads on (`| head`); Failure 74 when it cannot be written
 */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { stdout } = process;
    const failed = (error: Error): void => reject(outputFailure(error));
    // The stream throws what nobody listens to, besides telling the callback.
    stdout.once('error', failed);
    stdout.write(text, (error) => {
      if (error) return failed(error);
      stdout.off('error', failed);
      resolve();
    });
  });
}

/** Why standard output cannot be written: an end by SIGPIPE when nobody reads on, else a failure. */
export function outputFailure(error: Error): Error {
  const code = errorCode(error);
  if (code === 'EPIPE') return new Interrupted('SIGPIPE');
  return new Failure('io', `standard output cannot be written: ${code ?? error.message}`);
}
