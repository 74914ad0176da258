import { type Extent, exchanged, identity, inside, outside, without } from '../../../linux/id-extents.ts';
import type { IdMapping } from '../mounter.ts';
import type { Owner } from '../owner.ts';

/** What a container's ids are to the host. */
export interface ContainerIds {
  readonly uids: readonly Extent[];
  readonly gids: readonly Extent[];
}

/**
 * The map with which a container's user sees as its own what another one owns on the disk; undefined when the volume is to
 * be shown as it is:
 *
 * - the user owns it already;
 * - the user is root, who may do everything anyway, and may become the owner later (gosu);
 * - it is the host's root's: what a container's user writes must not be root's on the host.
 *
 * Nothing is lost by it: the two change places, and every other id stays what it was. A container with a user namespace of
 * its own sees what others wrote there as if it had none, but for root's.
 * @param owner of the volume's root folder, on the disk
 * @param peer who asks, as the host's kernel says
 */
export function defaultIdMapping(owner: Owner, peer: Owner, container: ContainerIds): IdMapping | undefined {
  const user = inside(container.uids, peer.uid);
  if (owner.uid === peer.uid || owner.uid === 0 || user === undefined) return undefined;
  const isVisible = inside(container.uids, owner.uid) !== undefined;
  if (isVisible && user === 0) return undefined;
  const base = isVisible
    ? { uids: identity, gids: identity }
    : { uids: withoutRoot(container.uids), gids: withoutRoot(container.gids) };
  const isGroupsOwn = owner.gid === peer.gid || owner.gid === 0 || inside(container.gids, peer.gid) === 0;
  return {
    uids: user === 0 ? base.uids : exchanged(base.uids, owner.uid, peer.uid),
    gids: isGroupsOwn ? base.gids : exchanged(base.gids, owner.gid, peer.gid),
  };
}

/** What the container's root writes is on the disk what it is on the host: never root's. */
function withoutRoot(extents: readonly Extent[]): readonly Extent[] {
  const root = outside(extents, 0);
  if (root === undefined) return extents;
  const rest = without(extents, 0);
  return outside(rest, root) === undefined ? [...rest, { from: root, to: root, count: 1 }] : rest;
}
