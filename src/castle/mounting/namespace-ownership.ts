import { isStillThere, namespaceOf, type ProcessIdentity, readStatus } from '../../linux/proc.ts';
import type { VolumeMount } from './mount-namespaces.ts';

/** No process has more ancestors than this. */
const mostAncestors = 1000;

/**
 * Whether a mount is a container's: it is in the mount namespace of its first process, or in one that was made inside it
 * (unshare(1)), which a process of the same PID namespace has, or a descendant of the first one.
 * @param first the container's first process; of one that has ended, nothing is left
 */
export function belongsToContainer(use: VolumeMount, first: ProcessIdentity): boolean {
  if (!isStillThere(first)) return false;
  try {
    if (use.namespace === namespaceOf(first.pid, 'mnt')) return true;
    const inside = namespaceOf(first.pid, 'pid');
    // One that has the host's PID namespace shares it with everybody.
    const isOwn = inside !== namespaceOf('self', 'pid');
    let at = use.pid;
    for (let step = 0; at > 1 && step < mostAncestors; step++) {
      if (at === first.pid || (isOwn && namespaceOf(at, 'pid') === inside)) return true;
      at = Number(readStatus(at).get('PPid') ?? 0);
    }
  } catch {
    // One of them ended while we looked.
  }
  return false;
}
