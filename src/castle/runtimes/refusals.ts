import { RefusalError } from '../refusals/refusal.ts';

/** What is mounted in the container would be mounted on the host. */
export function inHostsMounts(container: string): RefusalError {
  return new RefusalError(
    'not_permitted',
    `container ${container} has no mount namespace of its own: a volume would be mounted on the host`,
    'start it with one (unshare --mount)',
  );
}

/** What is mounted for the container's first process, the asking one would not see. */
export function inOtherMounts(pid: number, container: string): RefusalError {
  return new RefusalError(
    'not_permitted',
    `process ${pid} is not in the mount namespace of container ${container}`,
    'ask from the entrypoint of the container, not from a namespace made inside it',
  );
}

/** A process that was just there. */
export function hasEnded(pid: number): RefusalError {
  return new RefusalError('not_permitted', `process ${pid} has ended`, 'ask from a running process');
}
