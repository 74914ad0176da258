/**
 * Finds the folders of a process's cgroups. /proc/PID/cgroup has the path of each cgroup in its hierarchy. mountinfo shows
 * where that hierarchy is mounted, and which folder of the hierarchy is the root of the mount.
 */
import { type MountLine, parseMountinfo } from './mountinfo.ts';

/**
 * Parses the content of /proc/PID/cgroup.
 * @returns the path of the cgroup by controller; the unified hierarchy (cgroup v2) has the empty name
 */
export function cgroupPaths(cgroupText: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of cgroupText.split('\n')) {
    const [, controllers, ...path] = line.split(':');
    for (const controller of controllers?.split(',') ?? []) paths.set(controller, path.join(':'));
  }
  return paths;
}

/**
 * Finds the mounts of cgroup hierarchies. Other lines of mountinfo, of which a host may have thousands, are not parsed.
 * @param mountinfo the content of /proc/self/mountinfo of the reader
 */
export const cgroupMounts = (mountinfo: string): readonly MountLine[] =>
  parseMountinfo((mountinfo.match(/^.* - cgroup2? .*$/gm) ?? []).join('\n'));

/** The folder of a cgroup. */
export interface CgroupFolder {
  /** The mount point of the hierarchy. */
  readonly top: string;
  /** The path below it, with a leading slash; empty for the mount point itself. */
  readonly below: string;
}

/**
 * Returns the folder of a process's cgroup in the hierarchy of one controller.
 * @param controller empty for the unified hierarchy
 * @param paths the result of {@link cgroupPaths}
 * @param mounts the result of {@link cgroupMounts}
 * @returns undefined when the hierarchy is not mounted, or the process's part of it is not visible here
 */
export function cgroupFolder(
  controller: string,
  paths: ReadonlyMap<string, string>,
  mounts: readonly MountLine[],
): CgroupFolder | undefined {
  const path = paths.get(controller);
  if (path === undefined) return undefined;
  for (const mount of mounts) {
    if (!isHierarchyOf(controller, mount)) continue;
    const { root, point: top } = mount;
    // In a container without a cgroup namespace, the path is that of the host, but only a part of the hierarchy is mounted.
    const below =
      root === '/'
        ? path
        : path === root || path.startsWith(`${root}/`)
          ? path.slice(root.length)
          : undefined;
    if (below !== undefined && !below.startsWith('/..')) return { top, below: below === '/' ? '' : below };
  }
  return undefined;
}

function isHierarchyOf(controller: string, { type, fileSystemOptions }: MountLine): boolean {
  return controller === ''
    ? type === 'cgroup2'
    : type === 'cgroup' && fileSystemOptions.split(',').includes(controller);
}

/** Returns the folder and its parents up to the mount point, innermost first. */
export function upwards({ top, below }: CgroupFolder): readonly string[] {
  const folders = [`${top}${below}`];
  for (let rest = below; rest !== ''; ) {
    rest = rest.slice(0, rest.lastIndexOf('/'));
    folders.push(`${top}${rest}`);
  }
  return folders;
}
