import { readlinkSync } from 'node:fs';
import { folderOn, isPartOf, type MountLine, mountsOf, type SourceFolder } from '../../linux/mountinfo.ts';
import { fromAnyThread, namespaceOf, processes } from '../../linux/proc.ts';

/** What the processes of one mount namespace that have the same root see. */
interface View {
  /** One of the processes. */
  readonly pid: number;
  /** The mount namespace, as in `mnt:[4026531841]`. */
  readonly namespace: string;
  readonly mounts: readonly MountLine[];
}

/** A place where a volume, or a part of it, is mounted. */
export interface VolumeMount {
  /** One process that sees it. */
  readonly pid: number;
  readonly namespace: string;
  readonly mount: MountLine;
  /** The folder that it is mounted on; undefined when that can't be seen. */
  readonly on?: SourceFolder;
}

/**
 * Finds the mounts of volumes in all mount namespaces, the castle's own too. A look takes some milliseconds on a host
 * with many processes, so requests that wait for one at the same time share it; each gets one that began after it asked.
 */
export class MountNamespaces {
  private next: Promise<readonly View[]> | undefined;

  /**
   * One look for many volumes.
   * @returns where a volume is in use, as of now
   */
  scan(): (source: SourceFolder, place: SourceFolder | undefined) => readonly VolumeMount[] {
    const seen = views();
    return (source, place) => seen.flatMap((view) => usesIn(view, source, place));
  }

  /** Where a volume is in use now. @param place the folder of the backend that stands for it, if there is one */
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
    return (await this.next).flatMap((view) => usesIn(view, source, place));
  }
}

/**
 * The kernel keeps no list of mount namespaces: each process is asked for its own, and one of each for its mounts. A
 * process with another root (chroot) sees another part of them.
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
      // It ended while we looked, or it is not ours to look at.
    }
  }
  return found;
}

function usesIn(
  { pid, namespace, mounts }: View,
  source: SourceFolder,
  place: SourceFolder | undefined,
): readonly VolumeMount[] {
  const parts = mounts.filter((mount) => isPartOf(mount, source));
  if (parts.length === 0) return [];
  const byId = new Map(mounts.map((mount) => [mount.id, mount]));
  return parts
    .map((mount) => ({ mount, covered: coveredBy(mount, byId) }))
    .filter(({ covered }) => {
      // A volume may be a file system of its own, mounted on its place in the backend: that makes it a volume, and
      // each copy of the host's mounts (a service with PrivateMounts, unshare(1)) has this mount too.
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

/** The folder on which a mount lies, by the kernel's name: paths differ from namespace to namespace. */
function coveredBy(mount: MountLine, byId: ReadonlyMap<number, MountLine>): SourceFolder | undefined {
  const parent = byId.get(mount.parent);
  if (parent === undefined || parent === mount) return undefined;
  return folderOn(parent, mount.point);
}
