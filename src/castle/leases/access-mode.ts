import type { Container } from '../runtimes/runtime.ts';
import type { VolumeRecord } from '../store/store.ts';

/** How a lease uses its volume. With neither field it is the only writer. The fields are present only when true. */
export interface AccessMode {
  /** It only reads. */
  readonly readonly?: true;
  /** It may write at the same time as other shared leases. */
  readonly shared?: true;
}

/**
 * The access mode of a container's lease on a volume.
 * @param volume undefined when the store does not know the volume: a volume that is created for the container is shared
 *   exactly when the container is
 */
export function accessModeOf({ readonly, shared }: Container, volume: VolumeRecord | undefined): AccessMode {
  if (readonly) return { readonly };
  return shared && (volume === undefined || volume.shared === true) ? { shared } : {};
}

/**
 * Whether two leases cannot be on one volume at the same time. Any number of readers can join one writer. Several
 * writers need a shared volume and the label castle.shared on each container: a container without the label relies on
 * being the only writer.
 */
export function conflicts(one: AccessMode, other: AccessMode): boolean {
  if (one.readonly === true || other.readonly === true) return false;
  return !(one.shared === true && other.shared === true);
}
