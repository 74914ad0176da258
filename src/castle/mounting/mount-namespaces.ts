import { readlinkSync } from 'node:fs';
import { folderOn, isPartOf, type MountLine, mountsOf, type SourceFolder } from '../../linux/mountinfo.ts';
import { fromAnyThread, namespaceOf, processes } from '../../linux/proc.ts';

/** The mounts that the processes of one mount namespace with the same root see. */
interface View {
  /** One of the processes. */
  readonly pid: number;
  /** The mount namespace, as in `mnt:[4026531841]`. */
  readonly namespace: string;
  readonly mounts: readonly MountLine[];
}

/** A place where a volume, or a part of it, is mounted. */
export interface VolumeMount {
  /** A process that sees the mount. */
  readonly pid: number;
  readonly namespace: string;
  readonly mount: MountLine;
  /** The folder that it is mounted on; undefined when mountinfo does not show it. */
  readonly on?: SourceFolder;
}

/**
 * Finds the mounts of volumes in all mount namespaces, including the castle's. A scan takes some milliseconds on a host with
 * many processes, so calls at the same time share one; each gets a scan that began after the call.
 */
export class MountNamespaces {
  private next: Promise<readonly View[]> | undefined;

  /**
   * Scans once for many volumes.
   * @returns where a volume was mounted at the time of the scan
   */
  scan(): (source: SourceFolder, place: SourceFolder | undefined) => readonly VolumeMount[] {
    const seen = views();
    return (source, place) => seen.flatMap((view) => mountsIn(view, source, place));
  }

  /** Where a volume is mounted now. @param place the backend's own folder for it, if there is one */
  async findMounts(source: SourceFolder, place: SourceFolder | undefined): Promise<readonly VolumeMount[]> {
    this.next ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        this.next = undefined;
        try {
          resolve(views());
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
    return (await this.next).flatMap((view) => mountsIn(view, source, place));
  }
}

/**
 * The kernel has no list of mount namespaces: the scan reads the namespace of each process, and the mounts of one process
 * in each. A process with another root (chroot) sees another part of the mounts, so it is a view of its own.
 */
function views(): readonly View[] {
  const seen = new Set<string>();
  const found: View[] = [];
  for (const pid of processes()) {
    try {
      const namespace = namespaceOf(pid, 'mnt');
      const view = `${namespace} ${fromAnyThread(pid, (folder) => readlinkSync(`${folder}/root`))}`;
      if (seen.has(view)) continue;
      const mounts = mountsOf(pid);
      if (mounts === undefined) continue;
      seen.add(view);
      found.push({ pid, namespace, mounts });
    } catch {
      // The process ended meanwhile, or may not be read.
    }
  }
  return found;
}

function mountsIn(
  { pid, namespace, mounts }: View,
  source: SourceFolder,
  place: SourceFolder | undefined,
): readonly VolumeMount[] {
  const parts = mounts.filter((mount) => isPartOf(mount, source));
  if (parts.length === 0) return [];
  const byId = new Map(mounts.map((mount) => [mount.id, mount]));
  return parts
    .map((mount) => ({ mount, covered: folderBelow(mount, byId) }))
    .filter(({ covered }) => {
      // A volume may be a file system of its own, mounted on its place in the backend: this mount
      // is the volume itself and no use of it, and each copy of the host's mounts (PrivateMounts=, unshare(1)) has it.
      if (covered === undefined || place === undefined) return true;
      return !(isPartOf(covered, place) || isPartOf(covered, source));
    })
    .map(({ mount, covered }) => ({
      pid,
      namespace,
      mount,
      ...(covered === undefined ? {} : { on: covered }),
    }));
}

/** The folder that a mount is on, as device and folder: paths differ between mount namespaces. */
function folderBelow(mount: MountLine, byId: ReadonlyMap<number, MountLine>): SourceFolder | undefined {
  const parent = byId.get(mount.parent);
  if (parent === undefined || parent === mount) return undefined;
  return folderOn(parent, mount.point);
}
