import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { mountsOf, topmostOn } from '../../linux/mountinfo.ts';
import type { Backend } from '../backends/backend.ts';
import type { HoldProcess } from '../mounting/held-process.ts';
import type { HostMounts } from '../mounting/host-mounts.ts';
import { MountNamespaces } from '../mounting/mount-namespaces.ts';
import type { Mounter } from '../mounting/mounter.ts';
import { unmountOnHost } from '../mounting/unmount-on-host.ts';
import type { KeyedMutex } from '../store/keyed-mutex.ts';
import type { Store } from '../store/store.ts';
import type { Collector, FoundGarbage } from './collector.ts';

export interface HostMountDeps {
  readonly store: Store;
  readonly backend: Backend;
  readonly hostMounts: HostMounts;
  readonly volumeLock: KeyedMutex;
  readonly holdProcess: HoldProcess;
  readonly mounter: Mounter;
}

/**
 * Finds mounts and mount points on the host that were created for an engine and have no lease. They remain when the store was
 * lost, or when a castle was killed before it removed them.
 */
export function unleasedHostMounts(deps: HostMountDeps): Collector {
  const { store, backend, hostMounts, volumeLock } = deps;
  const namespaces = new MountNamespaces();
  const { folder } = hostMounts;
  const isLeased = (target: string, volume: string) =>
    store.leasesOn(volume).some((lease) => lease.target === target);

  function found(target: string, volume: string): readonly FoundGarbage[] {
    const mount = topmostOn(mountsOf('self') ?? [], target);
    const reason = 'it was created for an engine, and no lease refers to it';
    if (mount === undefined) {
      return [
        {
          kind: 'file',
          name: target,
          reason,
          remove: () =>
            volumeLock.run(volume, async () => {
              if (isLeased(target, volume)) return false;
              hostMounts.removeMountPoint(target);
              return !places().includes(target);
            }),
        },
      ];
    }
    if (!backend.ownsMount(mount)) return []; // the castle did not create it
    return [
      {
        kind: 'mount',
        name: target,
        reason: reason,
        remove: () =>
          volumeLock.run(volume, async () => {
            if (isLeased(target, volume)) return false;
            // If a container has a copy of this mount, the mount is in use and only its lease was lost.
            const uses = await namespaces.findMounts(mount, backend.hostLocation(volume));
            if (uses.some((use) => !hostMounts.isOnMountPoint(use))) return false;
            await unmountOnHost(deps, target, mount.id);
            hostMounts.removeMountPoint(target);
            return true;
          }),
      },
    ];
  }

  const places = () => readdirSync(folder).map((name) => join(folder, name));

  return {
    name: "the engine's mounts",
    find: async () =>
      places().flatMap((target) => {
        const volume = hostMounts.volumeAt(basename(target));
        return volume === undefined || isLeased(target, volume) ? [] : found(target, volume);
      }),
  };
}
