import { type Extent, idsInside, inside, through } from '../../../linux/id-ranges.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Container, Peer } from '../../runtimes/runtime.ts';
import type { IdMapping, IdPlan } from '../mounter.ts';
import type { Owner } from '../owner.ts';
import { type ContainerIds, defaultIdMapping } from './id-mapping.ts';

/** How the ids of a volume appear in a container. */
export interface IdView {
  /** The owner on the disk of the root folder of a volume that is created for the container. */
  readonly owner: Owner;
  /** Whether the plan depends on the owner of the volume. If so, castle-mount reports the owner before it mounts. */
  readonly needsOwner: boolean;
  /** Whether the label `castle.idmap` sets the mapping. If so, a file system that cannot map ids is refused. */
  readonly isRequired: boolean;
  /** The mapping for a volume, by the owner of its root folder. */
  plan(owner: Owner): IdPlan;
}

/**
 * Returns how the ids of a volume appear in a container. The label `castle.idmap` defines it. Without the label, files of the
 * volume's owner appear as files of the container's user.
 * @throws RefusalError not_permitted when the label cannot be applied; Error when the container has ended
 */
export function idViewFor(container: Container, { uid, gid }: Peer): IdView {
  const peer = { uid, gid };
  if (container.idmap === 'off') return unmapped(peer);
  const ids = {
    uids: idsInside(container.first.pid, 'uid'),
    gids: idsInside(container.first.pid, 'gid'),
  };
  if (container.idmap === undefined) {
    return {
      owner: peer,
      needsOwner: inside(ids.uids, uid) !== 0 || uid !== 0,
      isRequired: false,
      plan: (owner) => {
        const map = defaultIdMapping(owner, peer, ids);
        return map === undefined ? {} : { map };
      },
    };
  }
  const map = labelMapping(container.name, container.idmap, ids);
  return {
    owner: ownerOnDisk(container.name, map, peer),
    needsOwner: true,
    isRequired: true,
    plan: () => ({ map }),
  };
}

const unmapped = (owner: Owner): IdView => ({
  owner,
  needsOwner: false,
  isRequired: false,
  plan: () => ({}),
});

function labelMapping(container: string, label: readonly Extent[], ids: ContainerIds): IdMapping {
  const [uids, gids] = [through(label, ids.uids), through(label, ids.gids)];
  if (uids !== undefined && gids !== undefined) return { uids, gids };
  throw new RefusalError(
    'not_permitted',
    `the label castle.idmap of container ${container} has ids that are not in its user namespace`,
    'use the ids as processes in the container see them',
  );
}

function ownerOnDisk(container: string, { uids, gids }: IdMapping, peer: Owner): Owner {
  const [uid, gid] = [inside(uids, peer.uid), inside(gids, peer.gid)];
  if (uid !== undefined && gid !== undefined) return { uid, gid };
  throw new RefusalError(
    'not_permitted',
    `the label castle.idmap of container ${container} does not map ${peer.uid}:${peer.gid}, the user that requests the volume`,
    'add the user of the container to the label: a user that is not mapped cannot write',
  );
}
