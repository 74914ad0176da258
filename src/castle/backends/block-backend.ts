/**
 * The common part of backends whose volumes are block devices with one file system each. A device is attached for a mount
 * and released after it. The file system is mounted only in the container, never on the host. Only `create` formats a
 * device.
 */
import type { MountLine } from '../../linux/mountinfo.ts';
import type { EmitEvent } from '../events/event.ts';
import type { CheckResult } from '../file-systems/file-system.ts';
import type { ImageToMount, Mounter } from '../mounting/mounter.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type {
  Backend,
  BackendCapabilities,
  BackendIdentity,
  DeviceReport,
  VolumeLifecycle,
} from './backend.ts';
import { damagedFileSystem } from './refusals.ts';
import type { Snapshots } from './snapshots.ts';
import type { Trash } from './trash.ts';
import type { KnownVolume } from './volume.ts';

/** The device of a volume, or the image for such a device, for exclusive use until `detach`. */
export interface AttachedDevice extends ImageToMount {
  /** Closes the device. A mount of the device keeps it in use. */
  detach(): void;
}

/** What a backend with block devices has to implement. */
export interface BlockVolumes
  extends BackendIdentity,
    Omit<VolumeLifecycle, 'discardEmpty'>,
    Pick<BackendCapabilities, 'claims' | 'hostHold' | 'sizes'> {
  readonly trash: Trash;
  readonly snapshots: Snapshots;
  readonly devices: DeviceReport;
  /** Removes a volume that is not in use. @returns false when it is in use */
  discard(volume: KnownVolume): Promise<boolean>;
  /**
   * Opens the device after its last user has released it, and checks that it holds this volume.
   * @throws RefusalError busy, backend_failed
   */
  attach(volume: KnownVolume): Promise<AttachedDevice>;
  /**
   * Opens the device that is attached already, for another mount of the same file system, and checks that it holds this
   * volume.
   * @returns undefined when no device is attached, or when this backend mounts a volume in only one container at a time
   * @throws RefusalError backend_failed
   */
  attachShared(volume: KnownVolume): Promise<AttachedDevice | undefined>;
  /** Checks the file system, and makes repairs that cannot lose data. */
  check(attached: AttachedDevice): Promise<CheckResult>;
  /**
   * Returns the number of the volume's block device, `major:minor`, as in mountinfo.
   * @returns undefined when no device is attached
   * @throws RefusalError backend_failed when it cannot be determined
   */
  deviceNumber(volume: KnownVolume): Promise<string | undefined>;
  /**
   * Enlarges the device; its content is unchanged.
   * @throws RefusalError bad_request when it is larger already, backend_failed when there is no space
   */
  extend(volume: KnownVolume, sizeBytes: number): Promise<void>;
  /**
   * Calls a function with the device of a volume that is in use.
   * @param use called with the image and the path of its device, which is undefined when no device is attached any more
   */
  withDevice(
    volume: KnownVolume,
    use: (image: ImageToMount, device: string | undefined) => Promise<void>,
  ): Promise<void>;
  /** Whether a block device, by its number, holds a volume of this backend. */
  ownsDevice(deviceNumber: string): boolean;
}

/** Creates a backend from an implementation of `BlockVolumes`. @param emit logs repairs of file systems */
export function blockBackend(volumes: BlockVolumes, mounter: Mounter, emit: EmitEvent): Backend {
  /** Volumes that this castle created and has never tried to mount. Any other volume may contain data. */
  const neverMounted = new Set<string>();

  async function checkFileSystem({ name }: KnownVolume, attached: AttachedDevice): Promise<void> {
    const checked = await volumes.check(attached);
    if (checked.kind === 'damaged') throw damagedFileSystem(name, attached.path, checked);
    if (checked.kind === 'corrected') {
      emit(`volume ${name}: ${checked.how}`, { event: 'volume.repaired', volume: name });
    }
  }

  return {
    name: volumes.name,
    description: volumes.description,
    base: volumes.base,

    find: (volume) => volumes.find(volume),
    removeUnfinished: () => volumes.removeUnfinished(),
    listVolumes: () => volumes.listVolumes(),
    findGarbage: (isKnown) => volumes.findGarbage(isKnown),

    async create(volume) {
      await volumes.create(volume);
      neverMounted.add(volume.name);
    },

    async discardEmpty(volume) {
      return neverMounted.delete(volume.name) && (await volumes.discard(volume));
    },

    canMapIds: true,
    hostLocation: () => undefined,
    ownsMount: (mount: MountLine) => volumes.ownsDevice(mount.device),

    async source(volume) {
      const device = await volumes.deviceNumber(volume);
      return device === undefined ? undefined : { device, root: '/' };
    },

    async mount(into, volume, target, options) {
      const shared = options.isMountedElsewhere ? await volumes.attachShared(volume) : undefined;
      const attached = shared ?? (await volumes.attach(volume));
      try {
        // No program may access the device of a mounted file system, because the kernel has unwritten parts of it in memory.
        if (shared === undefined) await checkFileSystem(volume, attached);
        const id = await mounter.mountImage(into, attached, target, options);
        neverMounted.delete(volume.name);
        return id;
      } catch (thrown) {
        // A wrong mount point is detected before anything is mounted. Any other failure may have changed the volume.
        if (!(thrown instanceof RefusalError && thrown.code === 'bad_target'))
          neverMounted.delete(volume.name);
        throw thrown;
      } finally {
        attached.detach();
      }
    },

    trash: volumes.trash,
    snapshots: volumes.snapshots,
    claims: volumes.claims,
    hostHold: volumes.hostHold,
    devices: volumes.devices,
    sizes: volumes.sizes,
    growth: {
      async grow(volume, sizeBytes, mounted) {
        await volumes.extend(volume, sizeBytes);
        if (mounted === undefined) return;
        const { container, target } = mounted;
        await volumes.withDevice(volume, async (image, device) => {
          // Without a device, the container has just ended; the file system grows at the next mount.
          if (device !== undefined) await mounter.growImage(container, image, device, target);
        });
      },
    },
  };
}
