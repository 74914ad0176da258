import { isSharedWithHost, liesIn, type SourceFolder } from '../../linux/mountinfo.ts';
import { idViewFor } from '../mounting/idmap/container-id-mapping.ts';
import type { VolumeCatalog, VolumeSpec } from '../volumes/volume-catalog.ts';
import type { EngineMountLeases } from './engine-mount-leases.ts';
import * as refusals from './refusals.ts';
import type { AdmittedRequest, IdentifiedRequest, PreparedRequest } from './request-stages.ts';
import type { UndoStack } from './undo-stack.ts';

export interface PreparationDeps {
  /** The folder in which the backend keeps all volumes. */
  readonly volumesFolder: SourceFolder;
  readonly catalog: VolumeCatalog;
  readonly engineMounts: EngineMountLeases;
}

/** The request with its volume, and a function that keeps a new volume if the operation fails later. */
export interface Preparation {
  readonly request: PreparedRequest;
  /** Removes the undo step that deletes the new volume. */
  readonly keepVolume: () => void;
}

/**
 * Finds the volume of a request, or creates it. A new volume is removed again when the operation fails before the volume is
 * mounted, because its name may have been a typing error.
 * @throws RefusalError bad_target, not_found, not_permitted, backend_failed
 */
export async function prepareVolume(
  { volumesFolder, catalog, engineMounts }: PreparationDeps,
  request: AdmittedRequest,
  undo: UndoStack,
): Promise<Preparation> {
  const { container, peer, volume } = request;
  if (container.engineMount === true) await engineMounts.checkVolumeExists(volume);
  else checkTargetPlace(volumesFolder, request);
  const ids = idViewFor(container, peer);
  const { shared, sizeBytes, snapshot } = container;
  const spec: VolumeSpec = {
    owner: ids.owner,
    shared,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(snapshot === undefined ? {} : { snapshot }),
  };
  const { record, isNew } = await catalog.prepare(volume, spec);
  const keepVolume = isNew ? undo.push(() => catalog.discard(record)) : () => undefined;
  return { request: { ...request, ids, spec, record, isNew }, keepVolume };
}

/** Refuses a mount point on which the mount would be visible on the host or in the folder of the volumes. */
function checkTargetPlace(
  volumesFolder: SourceFolder,
  { container: { first }, target }: IdentifiedRequest,
): void {
  if (isSharedWithHost(first.pid, target)) throw refusals.sharedTarget(target);
  if (liesIn(first.pid, target, volumesFolder)) throw refusals.targetInBackend(target);
}
