import { type Extent, exchanged, identity, inside, outside, without } from '../../../linux/id-ranges.ts';
import type { IdMapping } from '../mounter.ts';
import type { Owner } from '../owner.ts';

/** The maps from a container's ids to ids on the host. */
export interface ContainerIds {
  readonly uids: readonly Extent[];
  readonly gids: readonly Extent[];
}

/**
 * Returns the id mapping with which files of the volume's owner on the disk appear as files of the container's user. Returns
 * undefined, so that the volume is mounted without a mapping, when
 *
 * - the user owns the volume already;
 * - the user is root, which can access every file, and may switch to the owner's uid later (gosu);
 * - root of the host owns the volume, because files that a container's user writes must not belong to root of the host.
 *
 * The mapping exchanges the user and the owner; every other id stays as it is, so every file can be accessed. In a
 * container with its own user namespace, files of other containers appear with the ids that they have outside, except
 * root's.
 * @param owner the owner of the volume's root folder, on the disk
 * @param peer the user that requests the volume, by its ids on the host
 */
export function defaultIdMapping(owner: Owner, peer: Owner, container: ContainerIds): IdMapping | undefined {
  const user = inside(container.uids, peer.uid);
  if (owner.uid === peer.uid || owner.uid === 0 || user === undefined) return undefined;
  const isVisible = inside(container.uids, owner.uid) !== undefined;
  if (isVisible && user === 0) return undefined;
  const base = isVisible
    ? { uids: identity, gids: identity }
    : { uids: withoutRoot(container.uids), gids: withoutRoot(container.gids) };
  const keepsGroup = owner.gid === peer.gid || owner.gid === 0 || inside(container.gids, peer.gid) === 0;
  return {
    uids: user === 0 ? base.uids : exchanged(base.uids, owner.uid, peer.uid),
    gids: keepsGroup ? base.gids : exchanged(base.gids, owner.gid, peer.gid),
  };
}

/**
 * Returns a map in which files of the container's root have its host id on the disk, so they never belong to root of the host.
 */
function withoutRoot(extents: readonly Extent[]): readonly Extent[] {
  const root = outside(extents, 0);
  if (root === undefined) return extents;
  const rest = without(extents, 0);
  return outside(rest, root) === undefined ? [...rest, { from: root, to: root, count: 1 }] : rest;
}
