import type { EmitEvent } from '../../events/event.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Peer } from '../../runtimes/runtime.ts';
import { IdMappingUnsupportedError, type IdPlan, type MountOptions } from '../mounter.ts';
import type { Owner } from '../owner.ts';
import type { IdView } from './container-id-mapping.ts';

/** A volume to mount, and how its ids appear in the container. */
export interface MappedMount {
  readonly volume: string;
  /** Whether this request created the volume, so it is empty. */
  readonly isNew: boolean;
  readonly ids: IdView;
  readonly peer: Peer;
  /** Whether the backend cannot map ids. */
  readonly cannotMapIds: boolean;
}

/**
 * Mounts a volume with the id mapping of the container. Where the file system (overlay and NFS answer EINVAL) or the kernel
 * cannot map ids, the volume is mounted without a mapping, and the root folder of a new volume is given to the container's
 * user. The owner of an existing file never changes.
 * @param mount mounts the volume with these options
 * @throws RefusalError backend_failed when the label requires a mapping that is not possible; what mount throws
 */
export async function mountWithIdMapping(
  { volume, isNew, ids, peer, cannotMapIds }: MappedMount,
  options: MountOptions,
  mount: (options: MountOptions) => Promise<number>,
  emit: EmitEvent,
): Promise<number> {
  if (cannotMapIds && ids.isRequired) throw idMappingRefusal(volume, new IdMappingUnsupportedError('EINVAL'));
  if (cannotMapIds || !ids.needsOwner) return mount(options);
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
    if (ids.isRequired && !isNew && !isOwn) throw idMappingRefusal(volume, thrown);
    emit(
      `volume ${volume} is mounted without id mapping: its file system or the kernel cannot map ids (${thrown.error})`,
      {
        event: 'mount.idmap-failed',
        volume,
        code: thrown.error,
      },
    );
    return mount(isNew && !isOwn ? { ...options, ids: () => ({ chown: { uid, gid } }) } : options);
  }
}

function idMappingRefusal(volume: string, { error }: IdMappingUnsupportedError): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the ids of volume ${volume} cannot be mapped by the label castle.idmap: ${error}`,
    'its file system cannot map ids: start the container without the label, and chown the volume on the host',
  );
}
