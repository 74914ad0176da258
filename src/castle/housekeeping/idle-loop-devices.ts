import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LoopDevice, loopDevices } from '../../linux/loop-devices.ts';
import type { Backend } from '../backends/backend.ts';
import { listDeletedImages, volumeOfDevice } from '../backends/loop/images.ts';
import { trashFolderName } from '../backends/trash.ts';
import { MountNamespaces } from '../mounting/mount-namespaces.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import { type Collector, removeNothing } from './collector.ts';

/** How long the kernel may take to detach a device after its last unmount, in milliseconds. */
const detachWithinMs = 2_000;
/** The interval between two checks whether the device was detached, in milliseconds. */
const checkIntervalMs = 50;

/**
 * Finds loop devices that have the image of a volume and are not mounted. The kernel detaches the castle's devices after their
 * last use, so such a device was attached by another program, or a program has it open. An operator must detach it.
 */
export function idleLoopDevices(backend: Backend, volumeLock: KeyedMutex): Collector {
  const { base } = backend;
  const trash = join(base, trashFolderName);
  const namespaces = new MountNamespaces();

  function volumeOf(device: LoopDevice): string | undefined {
    const deleted = (): string | undefined =>
      dirname(device.file) === trash
        ? listDeletedImages(trash).find(({ path }) => basename(path) === basename(device.file))?.volume
        : undefined;
    return volumeOfDevice(base, device) ?? deleted();
  }

  async function isIdle(device: LoopDevice): Promise<boolean> {
    const end = performance.now() + detachWithinMs;
    for (;;) {
      if (!loopDevices().some(({ path, file }) => path === device.path && file === device.file)) return false;
      const uses = await namespaces.findMounts({ device: device.number, root: '/' }, undefined);
      if (uses.length > 0) return false;
      if (performance.now() > end) return true;
      await sleep(checkIntervalMs);
    }
  }

  return {
    name: 'loop devices without a mount',
    async find() {
      const found = [];
      for (const device of loopDevices()) {
        const volume = volumeOf(device);
        // While the lock is held, no mount of the volume is in progress.
        if (volume === undefined || !(await volumeLock.run(volume, () => isIdle(device)))) continue;
        found.push({
          kind: 'device' as const,
          name: device.path,
          reason: `it has the image ${device.file} of volume ${volume}, and is not mounted`,
          operatorRemedy: `find the program that has it open (fuser ${device.path}), then run: losetup --detach ${device.path}`,
          remove: removeNothing,
        });
      }
      return found;
    },
  };
}
