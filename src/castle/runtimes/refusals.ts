import { RefusalError } from '../refusals/refusal.ts';

/** The container shares the mount namespace of the host. */
export function inHostsMounts(container: string): RefusalError {
  return new RefusalError(
    'not_permitted',
    `container ${container} shares the mount namespace of the host, where a volume would be mounted`,
    'start it in its own mount namespace (unshare --mount)',
  );
}

/** The process would not see a mount in the namespace of the container's first process. */
export function inOtherMounts(pid: number, container: string): RefusalError {
  return new RefusalError(
    'not_permitted',
    `process ${pid} is not in the mount namespace of container ${container}`,
    'send the request from the entrypoint of the container, not from a namespace created inside it',
  );
}

/** The process ended while the castle examined it. */
export function hasEnded(pid: number): RefusalError {
  return new RefusalError(
    'not_permitted',
    `process ${pid} has ended`,
    'send the request from a process that waits for the answer',
  );
}
