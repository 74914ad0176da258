import type { Container } from '../runtimes/runtime.ts';
import type { VolumeRecord } from '../store/store.ts';

/** How a lease uses its volume. A lease with neither field is the only writer. A field is present only when it is true. */
export interface AccessMode {
  /** The lease only reads. */
  readonly readonly?: true;
  /** The lease may write at the same time as other shared leases. */
  readonly shared?: true;
}

/**
 * Returns the access mode of a container's lease on a volume.
 * @param volume undefined when the store has no record of the volume: a new volume is shared exactly when the container
 *   has the label castle.shared
 */
export function accessModeOf({ readonly, shared }: Container, volume: VolumeRecord | undefined): AccessMode {
  if (readonly) return { readonly };
  return shared && (volume === undefined || volume.shared === true) ? { shared } : {};
}

/**
 * Whether two leases conflict, so that they cannot be on one volume at the same time. One writer and any number of readers
 * do not conflict. Several writers need a shared volume and the label castle.shared on each container: a container
 * without the label relies on being the only writer.
 */
export function conflicts(one: AccessMode, other: AccessMode): boolean {
  if (one.readonly === true || other.readonly === true) return false;
  return !(one.shared === true && other.shared === true);
}
