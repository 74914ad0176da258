import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { loopDevices } from '../../../linux/loop-devices.ts';
import type { Devices } from '../../../protocol/contract.ts';
import { findImage, volumeOfDevice } from './images.ts';

/** The unit of /sys/block/NAME/size, in bytes. */
const sectorBytes = 512;

/** Returns the loop devices that hold images of a folder. */
export function listLoopDevices(base: string): Devices {
  const devices = loopDevices().flatMap((device) => {
    const volume = volumeOfDevice(base, device);
    const image = volume === undefined ? undefined : findImage(base, volume);
    const sizeBytes = sizeOf(device.path);
    if (volume === undefined || image === undefined || sizeBytes === undefined) return [];
    return [{ volume, device: device.path, source: image.path, sizeBytes, fileSystem: image.type }];
  });
  return { devices, avoidedNames: [] };
}

/** Returns the size of a device in bytes; undefined when the device was just detached. */
function sizeOf(path: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/block/${basename(path)}/size`, 'utf8')) * sectorBytes;
  } catch {
    return undefined;
  }
}
