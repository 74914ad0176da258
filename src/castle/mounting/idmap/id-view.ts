import { type Extent, idsInside, inside, through } from '../../../linux/id-extents.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Container, Peer } from '../../runtimes/runtime.ts';
import type { IdMapping, IdPlan } from '../mounter.ts';
import type { Owner } from '../owner.ts';
import { type ContainerIds, defaultIdMapping } from './id-mapping.ts';

/** How a volume's ids are shown to a container. */
export interface IdView {
  /** Who owns the root folder, on the disk, of a volume that is made for it. */
  readonly owner: Owner;
  /** Whether who owns a volume matters: castle-mount has to ask. */
  readonly asks: boolean;
  /** Whether the orchestrator said so: then the file system has to be able to. */
  readonly isOrdered: boolean;
  /** What is to be done with a volume, by the owner of its root folder. */
  plan(owner: Owner): IdPlan;
}

/**
 * Works out how a container sees the ids of its volume: as the label `castle.idmap` says, or so that what the volume's
 * owner has is its own.
 * @throws RefusalError not_permitted when the label can't be followed; Error when the container has ended
 */
export function idViewFor(container: Container, { uid, gid }: Peer): IdView {
  const peer = { uid, gid };
  if (container.idmap === 'off') return asItIs(peer);
  const ids = {
    uids: idsInside(container.first.pid, 'uid'),
    gids: idsInside(container.first.pid, 'gid'),
  };
  if (container.idmap === undefined) {
    return {
      owner: peer,
      asks: inside(ids.uids, uid) !== 0 || uid !== 0,
      isOrdered: false,
      plan: (owner) => {
        const map = defaultIdMapping(owner, peer, ids);
        return map === undefined ? {} : { map };
      },
    };
  }
  const map = orderedMapping(container.name, container.idmap, ids);
  return {
    owner: onDisk(container.name, map, peer),
    asks: true,
    isOrdered: true,
    plan: () => ({ map }),
  };
}

const asItIs = (owner: Owner): IdView => ({ owner, asks: false, isOrdered: false, plan: () => ({}) });

function orderedMapping(container: string, label: readonly Extent[], ids: ContainerIds): IdMapping {
  const [uids, gids] = [through(label, ids.uids), through(label, ids.gids)];
  if (uids !== undefined && gids !== undefined) return { uids, gids };
  throw new RefusalError(
    'not_permitted',
    `container ${container} has a label castle.idmap with ids that its user namespace does not have`,
    'give ids as the container sees them',
  );
}

function onDisk(container: string, { uids, gids }: IdMapping, peer: Owner): Owner {
  const [uid, gid] = [inside(uids, peer.uid), inside(gids, peer.gid)];
  if (uid !== undefined && gid !== undefined) return { uid, gid };
  throw new RefusalError(
    'not_permitted',
    `the label castle.idmap of container ${container} leaves out ${peer.uid}:${peer.gid}, which asks`,
    'add the user of the container to it: whom it leaves out can write nothing',
  );
}
