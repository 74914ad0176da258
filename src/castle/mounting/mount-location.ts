import { type MountLine, mountOn, mountsOf, type SourceFolder } from '../../linux/mountinfo.ts';
import { namespaceOf } from '../../linux/proc.ts';
import type { VolumeMount } from './mount-namespaces.ts';

/** Where the mount of a lease is. */
export type MountLocation =
  /** On the lease's mount point, and not hidden by another mount. */
  | { readonly kind: 'onTarget'; readonly mount: MountLine }
  /** On another mount point, hidden by another mount, or in another mount namespace of the container. */
  | { readonly kind: 'elsewhere'; readonly found: VolumeMount }
  | { readonly kind: 'gone' }
  /** The mounts could not be read. Never treat this as if the mount were gone. */
  | { readonly kind: 'unknown' };

/**
 * Finds the mount of a volume in a container.
 * @param first the pid of a running process of the container
 * @param source the volume's device and folder in mountinfo; undefined when the volume cannot be mounted anywhere now
 * @param otherMounts finds the volume's other mounts; called only when the volume is not mounted on the mount point
 */
export async function locateMount(
  first: number,
  source: SourceFolder | undefined,
  target: string,
  otherMounts: () => Promise<readonly VolumeMount[]>,
): Promise<MountLocation> {
  if (source === undefined) return { kind: 'gone' };
  const mounts = mountsOf(first);
  if (mounts === undefined) return { kind: 'unknown' };
  const mount = mountOn(mounts, source, target);
  if (mount !== undefined) return { kind: 'onTarget', mount };
  const [found] = ownNamespaceFirst(await otherMounts(), first);
  return found === undefined ? { kind: 'gone' } : { kind: 'elsewhere', found };
}

/** Sorts the mounts in the process's own mount namespace first, because a message names the first mount. */
function ownNamespaceFirst(mounts: readonly VolumeMount[], pid: number): readonly VolumeMount[] {
  const own = mountNamespace(pid);
  return [...mounts].sort((one, other) => Number(other.namespace === own) - Number(one.namespace === own));
}

function mountNamespace(pid: number): string | undefined {
  try {
    return namespaceOf(pid, 'mnt');
  } catch {
    return undefined;
  }
}
