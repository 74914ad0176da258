/**
 * Where a process's cgroups are to be found as files: /proc/PID/cgroup names them, and mountinfo says where, and from
 * which root on, their hierarchies are mounted.
 */

/**
 * Reads a /proc/PID/cgroup.
 * @returns the path by controller; the unified hierarchy (cgroup v2) has the empty name
 */
export function cgroupPaths(cgroupText: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of cgroupText.split('\n')) {
    const [, controllers, ...path] = line.split(':');
    for (const controller of controllers?.split(',') ?? []) paths.set(controller, path.join(':'));
  }
  return paths;
}

/** A cgroup's folder. */
export interface CgroupFolder {
  /** Where the hierarchy is mounted. */
  readonly top: string;
  /** The way from there, with a leading slash; empty for the mount point itself. */
  readonly below: string;
}

/**
 * The folder of a process's cgroup in the hierarchy of one controller.
 * @param controller empty for the unified hierarchy
 * @param paths what {@link cgroupPaths} read
 * @param mountinfo /proc/self/mountinfo of the reader
 * @returns undefined when the hierarchy is not mounted, or the process's part of it is not visible from here
 */
export function cgroupFolder(
  controller: string,
  paths: ReadonlyMap<string, string>,
  mountinfo: string,
): CgroupFolder | undefined {
  const path = paths.get(controller);
  if (path === undefined) return undefined;
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '', top = ''] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    const wanted =
      controller === '' ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes(controller);
    if (!wanted) continue;
    // A container without a cgroup namespace sees the host's path, but only its own part of the hierarchy.
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

/** The folder itself and all above it that are mounted here, the innermost first. */
export function upwards({ top, below }: CgroupFolder): readonly string[] {
  const folders = [`${top}${below}`];
  for (let rest = below; rest !== ''; ) {
    rest = rest.slice(0, rest.lastIndexOf('/'));
    folders.push(`${top}${rest}`);
  }
  return folders;
}
