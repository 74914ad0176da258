import { errorCode, errorMessage } from '../../terminal/failure.ts';
import { RefusalError } from './refusal.ts';

/** Whether the castle has run out of descriptors, memory or processes. This may pass, and is never a lack of permission. */
export function isOutOfResources(thrown: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'].includes(errorCode(thrown) ?? '');
}

export function outOfResources(thrown: unknown): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the castle has run out of file descriptors or memory: ${errorMessage(thrown)}`,
    'send the request again; if that fails too, raise the limits of the castle (LimitNOFILE)',
  );
}
