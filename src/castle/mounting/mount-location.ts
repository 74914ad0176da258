import { type MountLine, mountOn, mountsOf, type SourceFolder } from '../../linux/mountinfo.ts';
import { namespaceOf } from '../../linux/proc.ts';
import type { VolumeMount } from './mount-namespaces.ts';

/** Where the mount of a volume is that a container is said to have. */
export type MountLocation =
  /** Where it belongs, and nothing over it. */
  | { readonly kind: 'onTarget'; readonly mount: MountLine }
  /** In the container's mount namespace, but its mount point doesn't lead to it; or in a namespace of its own. */
  | { readonly kind: 'elsewhere'; readonly found: VolumeMount }
  | { readonly kind: 'gone' }
  /** It could not be looked at: nobody may act as if it were gone. */
  | { readonly kind: 'unknown' };

/**
 * Looks for a volume's mount in a container.
 * @param first a living process of the container, by its number
 * @param source what mountinfo calls it; undefined: it can be mounted nowhere now
 * @param otherMounts where else the volume is mounted; asked for only when it isn't where it belongs
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

/** The uses in the process's own mount namespace before those in others, for the sentence that names one. */
function ownNamespaceFirst(mounts: readonly VolumeMount[], pid: number): readonly VolumeMount[] {
  const mine = mountNamespace(pid);
  return [...mounts].sort((one, other) => Number(other.namespace === mine) - Number(one.namespace === mine));
}

function mountNamespace(pid: number): string | undefined {
  try {
    return namespaceOf(pid, 'mnt');
  } catch {
    return undefined;
  }
}
