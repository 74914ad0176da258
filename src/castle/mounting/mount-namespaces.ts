import { readlinkSync } from 'node:fs';
import { folderOn, isPartOf, type MountLine, mountsOf, type SourceFolder } from '../../linux/mountinfo.ts';
import { fromAnyThread, namespaceOf, processes } from '../../linux/proc.ts';

/** The mounts that are visible to the processes that share one mount namespace and one root folder. */
interface View {
  /** One of the processes. */
  readonly pid: number;
  /** The mount namespace, as in `mnt:[4026531841]`. */
  readonly namespace: string;
  readonly mounts: readonly MountLine[];
}

/** A place where a volume, or a part of it, is mounted. */
export interface VolumeMount {
  /** The pid of a process in whose mount namespace the mount is. */
  readonly pid: number;
  readonly namespace: string;
  readonly mount: MountLine;
  /** The folder of the mount point; undefined when mountinfo does not show it. */
  readonly on?: SourceFolder;
}

/**
 * Finds the mounts of volumes in all mount namespaces, including the castle's. A scan takes some milliseconds on a host with
 * many processes, so concurrent calls share one scan. Each call gets the result of a scan that began after the call.
 */
export class MountNamespaces {
  private next: Promise<readonly View[]> | undefined;

  /**
   * Scans all mount namespaces once, for the lookup of many volumes.
   * @returns a function that returns the mounts that a volume had at the time of the scan
   */
  scan(): (source: SourceFolder, place: SourceFolder | undefined) => readonly VolumeMount[] {
    const seen = views();
    return (source, place) => seen.flatMap((view) => mountsIn(view, source, place));
  }

  /** Returns the current mounts of a volume. @param place the volume's folder in the backend, if it has one */
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
 * in each. The mountinfo of a process with another root (chroot) shows other mounts, so it counts as a separate view.
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
      // The process ended in the meantime, or the castle may not read it.
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
      // A volume may be a separate file system, mounted on its folder in the backend. That mount is the volume itself and
      // does not mean that the volume is in use. Each copy of the host's mounts (PrivateMounts=, unshare(1)) contains it.
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

/** Returns the folder of a mount point as device and folder, because paths differ between mount namespaces. */
function folderBelow(mount: MountLine, byId: ReadonlyMap<number, MountLine>): SourceFolder | undefined {
  const parent = byId.get(mount.parent);
  if (parent === undefined || parent === mount) return undefined;
  return folderOn(parent, mount.point);
}
