import { errorCode, Failure, Interrupted } from './failure.ts';

/**
 * Writes text to standard output and waits until all of it has been written.
 * @throws Interrupted SIGPIPE when the reader has closed the pipe (`| head`); Failure 74 for other errors
 */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { stdout } = process;
    const failed = (error: Error): void => reject(outputFailure(error));
    // Without a listener, the stream throws the error in addition to calling back.
    stdout.once('error', failed);
    stdout.write(text, (error) => {
      if (error) return failed(error);
      stdout.off('error', failed);
      resolve();
    });
  });
}

/** Returns the error for a failed write to standard output: SIGPIPE for a closed pipe, else a Failure. */
export function outputFailure(error: Error): Error {
  const code = errorCode(error);
  if (code === 'EPIPE') return new Interrupted('SIGPIPE');
  return new Failure('io', `standard output cannot be written: ${code ?? error.message}`);
}
