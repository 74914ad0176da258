import type { EmitEvent } from '../../events/event.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Peer } from '../../runtimes/runtime.ts';
import { IdMappingUnsupportedError, type IdPlan, type MountOptions } from '../mounter.ts';
import type { Owner } from '../owner.ts';
import type { IdView } from './id-view.ts';

/** What a mount is about. */
export interface MappedMount {
  readonly volume: string;
  /** Whether nothing was ever written to it. */
  readonly isNew: boolean;
  readonly ids: IdView;
  readonly peer: Peer;
  /** Whether its backend can show ids as they are only. */
  readonly asTheyAre: boolean;
}

/**
 * Mounts a volume so that the container sees its ids as it should. Where the file system can't map them (overlay and NFS
 * say EINVAL), or this kernel doesn't for us, the volume is shown as it is; the root folder of one that is new gets the
 * container's user once, and nothing else ever gets another owner.
 * @param mount mounts it, with these options
 * @throws RefusalError backend_failed when ids have to be mapped and can't be, and what mount throws
 */
export async function mountWithIdMapping(
  { volume, isNew, ids, peer, asTheyAre }: MappedMount,
  options: MountOptions,
  mount: (options: MountOptions) => Promise<number>,
  emit: EmitEvent,
): Promise<number> {
  if (asTheyAre && ids.isOrdered) throw cannotMap(volume, new IdMappingUnsupportedError('EINVAL'));
  if (asTheyAre || !ids.asks) return mount(options);
  let found: Owner | undefined;
  let plan: IdPlan = {};
  try {
    return await mount({
      ...options,
      ids: (owner) => {
        found = owner;
        plan = ids.plan(owner);
        return plan;
      },
    });
  } catch (thrown) {
    if (!(thrown instanceof IdMappingUnsupportedError)) throw thrown;
    const { uid, gid } = peer;
    const isOwn = found?.uid === uid;
    if (ids.isOrdered && !isNew && !isOwn) throw cannotMap(volume, thrown);
    emit(
      `volume ${volume} is shown with its ids as they are: they cannot be mapped there (${thrown.error})`,
      {
        event: 'mount.idmap-failed',
        volume,
        code: thrown.error,
      },
    );
    return mount(isNew && !isOwn ? { ...options, ids: () => ({ chown: { uid, gid } }) } : options);
  }
}

function cannotMap(volume: string, { error }: IdMappingUnsupportedError): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the ids of volume ${volume} cannot be mapped as the label castle.idmap says: ${error}`,
    'its file system cannot do that: start the container without the label, and chown the volume on the host',
  );
}
