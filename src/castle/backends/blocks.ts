import type { MountLine } from '../../linux/mountinfo.ts';
import type { Say } from '../events/event.ts';
import type { Checked } from '../file-systems/file-system.ts';
import type { Stray } from '../housekeeping/stray.ts';
import type { ImageToMount, Mounter } from '../mounting/mounter.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Backend, Trash } from './backend.ts';
import { damagedFileSystem } from './refusals.ts';
import type { KnownVolume, NewVolume } from './volume.ts';

/** A volume's device, or what it is made of, that nobody else has while it is attached. */
export interface Attached extends ImageToMount {
  /** Lets go of it; a mount that was made of it keeps it. */
  detach(): void;
}

/** The family of backends that have a device per volume. Each call may be repeated, as those of Backend. */
export interface Blocks {
  readonly name: string;
  readonly description: string;
  /** The folder of this host in which the devices are made, or which stands for them. */
  readonly base: string;
  /** @throws RefusalError backend_failed when something else is in its place */
  find(volume: string): Promise<KnownVolume | undefined>;
  /**
   * Makes the device and formats it, once; it appears whole or not at all.
   * @throws RefusalError backend_failed
   */
  create(volume: NewVolume): Promise<void>;
  /** Removes a device that nobody uses. @returns false when somebody does */
  discard(volume: KnownVolume): Promise<boolean>;
  /**
   * Takes hold of the device, once its last user has let go, and makes sure that it is the right one.
   * @throws RefusalError busy, backend_failed
   */
  attach(volume: KnownVolume): Promise<Attached>;
  /**
   * Takes hold of the device that the volume has already, for one more mount of the same file system, and makes sure that
   * it is the right one. Where there is no such thing, a volume is in one container at a time.
   * @returns undefined when it has no device any more
   * @throws RefusalError backend_failed
   */
  attachBeside?(volume: KnownVolume): Promise<Attached | undefined>;
  /** Brings the file system to where it can be mounted. */
  check(attached: Attached): Promise<Checked>;
  /**
   * The number of the block device that the kernel has for the volume now, as in mountinfo; undefined when it has none.
   * @throws RefusalError backend_failed when that can't be told
   */
  deviceOf(volume: KnownVolume): Promise<string | undefined>;
  /**
   * Gives the device more room; what is there stays as it is.
   * @throws RefusalError bad_request when it is larger already, backend_failed when there is no room
   */
  extend(volume: KnownVolume, sizeBytes: number): Promise<void>;
  /**
   * Does something with the device of a volume that is in use.
   * @param use gets the image and the path of its device; undefined when it has none any more
   */
  withDevice(
    volume: KnownVolume,
    use: (image: ImageToMount, device: string | undefined) => Promise<void>,
  ): Promise<void>;
  /** Whether a block device, by its number, has a volume of this backend. */
  isOurs(device: string): boolean;
  sweep(): Promise<void>;
  /** All that lie here. */
  found?(): Promise<readonly KnownVolume[]>;
  /** What interrupted work left behind. */
  unfinished?(): Promise<readonly Stray[]>;
  /** Where deleted ones are kept; without it none is deleted. */
  readonly trash?: Trash;
}

/**
 * A backend whose volumes are devices with a file system each. A device is attached for a mount only and goes with it;
 * the file system is mounted in the container and nowhere else, and nothing is ever formatted but by create.
 * @param say tells people what was put right
 */
export function blocksBackend(blocks: Blocks, mounter: Mounter, say: Say): Backend {
  /** Volumes made by this castle that no mount was tried of: whatever else is empty may be somebody's. */
  const untouched = new Set<string>();

  async function bringToOrder({ name }: KnownVolume, attached: Attached): Promise<void> {
    const checked = await blocks.check(attached);
    if (checked.kind === 'damaged') throw damagedFileSystem(name, attached.path, checked);
    if (checked.kind === 'corrected') {
      say(`volume ${name}: ${checked.how}`, { event: 'volume.corrected', volume: name });
    }
  }

  return {
    name: blocks.name,
    description: blocks.description,
    base: blocks.base,
    find: (volume) => blocks.find(volume),
    sweep: () => blocks.sweep(),
    place: () => undefined,
    shows: (mount: MountLine) => blocks.isOurs(mount.device),
    ...(blocks.trash === undefined ? {} : { trash: blocks.trash }),
    found: async () => (await blocks.found?.()) ?? [],
    unfinished: async () => (await blocks.unfinished?.()) ?? [],

    async source(volume) {
      const device = await blocks.deviceOf(volume);
      return device === undefined ? undefined : { device, root: '/' };
    },

    async create(volume) {
      await blocks.create(volume);
      untouched.add(volume.name);
    },

    async discardEmpty(volume) {
      return untouched.delete(volume.name) && (await blocks.discard(volume));
    },

    async grow(volume, sizeBytes, mounted) {
      await blocks.extend(volume, sizeBytes);
      if (mounted === undefined) return;
      const { container, target } = mounted;
      await blocks.withDevice(volume, async (image, device) => {
        // Its container has just ended: the next mount finds the room.
        if (device !== undefined) await mounter.growImage(container, image, device, target);
      });
    },

    async mount(into, volume, target, options) {
      const beside = options.beside ? await blocks.attachBeside?.(volume) : undefined;
      const attached = beside ?? (await blocks.attach(volume));
      try {
        // What is mounted must not be touched by a tool: the kernel has more of it in memory.
        if (beside === undefined) await bringToOrder(volume, attached);
        const id = await mounter.mountImage(into, attached, target, options);
        untouched.delete(volume.name);
        return id;
      } catch (thrown) {
        // A wrong mount point is found before anything is mounted; what else went wrong may have left its traces.
        if (!(thrown instanceof RefusalError && thrown.code === 'bad_target')) untouched.delete(volume.name);
        throw thrown;
      } finally {
        attached.detach();
      }
    },
  };
}
