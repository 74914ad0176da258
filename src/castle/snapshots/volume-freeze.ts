import type { KnownVolume } from '../backends/volume.ts';
import type { DeviceFileSystem } from '../mounting/freeze-file-system.ts';
import type { SnapshotRecord } from '../store/store.ts';
import type { SnapshotContext } from './snapshot-context.ts';

/** Returns the device of a mounted volume; undefined when the volume is not mounted, or is not a block device. */
export async function mountedDevice(
  { backend }: SnapshotContext,
  { name, id }: KnownVolume,
): Promise<DeviceFileSystem | undefined> {
  if (id === undefined) return undefined;
  const source = await backend.source({ name, id });
  return source === undefined ? undefined : { device: source.device, uuid: id };
}

/** Thaws the file system that was frozen for a snapshot. A file system that is not frozen is unchanged. */
export async function thawVolume(
  context: SnapshotContext,
  { volume, volumeId }: SnapshotRecord,
): Promise<void> {
  if (volumeId === undefined) return;
  const device = await mountedDevice(context, { name: volume, id: volumeId });
  if (device !== undefined) await context.freezer.thaw(device);
}
