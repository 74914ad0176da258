import { isStillThere, namespaceOf, type ProcessIdentity, readStatus } from '../../linux/proc.ts';
import type { VolumeMount } from './mount-namespaces.ts';

/** The maximum number of ancestors of a process that are examined. */
const ancestorLimit = 1000;

/**
 * Whether a mount belongs to a container: it is in the mount namespace of the container's first process, or in one that was
 * created inside the container (unshare(1)) by a process of the same PID namespace or a descendant of the first process.
 * @param first the container's first process; the result is false when it has ended
 */
export function belongsToContainer(found: VolumeMount, first: ProcessIdentity): boolean {
  if (!isStillThere(first)) return false;
  try {
    if (found.namespace === namespaceOf(first.pid, 'mnt')) return true;
    const pidNamespace = namespaceOf(first.pid, 'pid');
    // A container in the host's PID namespace shares that namespace with all processes, so it does not identify the container.
    const isOwn = pidNamespace !== namespaceOf('self', 'pid');
    let pid = found.pid;
    for (let step = 0; pid > 1 && step < ancestorLimit; step++) {
      if (pid === first.pid || (isOwn && namespaceOf(pid, 'pid') === pidNamespace)) return true;
      pid = Number(readStatus(pid).get('PPid') ?? 0);
    }
  } catch {
    // One of the processes ended in the meantime.
  }
  return false;
}
