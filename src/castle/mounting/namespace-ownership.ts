import { isStillThere, namespaceOf, type ProcessIdentity, readStatus } from '../../linux/proc.ts';
import type { VolumeMount } from './mount-namespaces.ts';

/** A bound for the walk to the ancestors of a process. */
const mostAncestors = 1000;

/**
 * Whether a mount belongs to a container: it is in the mount namespace of the container's first process, or in one that was
 * created inside the container (unshare(1)) by a process of the same PID namespace or a descendant of the first process.
 * @param first the container's first process; no mount belongs to one that has ended
 */
export function belongsToContainer(use: VolumeMount, first: ProcessIdentity): boolean {
  if (!isStillThere(first)) return false;
  try {
    if (use.namespace === namespaceOf(first.pid, 'mnt')) return true;
    const inside = namespaceOf(first.pid, 'pid');
    // A container in the host's PID namespace shares it with all processes: it identifies nothing.
    const isOwn = inside !== namespaceOf('self', 'pid');
    let at = use.pid;
    for (let step = 0; at > 1 && step < mostAncestors; step++) {
      if (at === first.pid || (isOwn && namespaceOf(at, 'pid') === inside)) return true;
      at = Number(readStatus(at).get('PPid') ?? 0);
    }
  } catch {
    // One of the processes ended meanwhile.
  }
  return false;
}
