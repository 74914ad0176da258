import { readProcFile } from './proc-file.ts';

/** The container that a process belongs to, as the orchestrator's cgroup names say. */
export interface ContainerOfProcess {
  readonly engine: 'docker' | 'containerd' | 'podman' | 'cri-o' | 'unknown';
  readonly id: string;
  readonly kubernetes: boolean;
}

const scopes: Readonly<Record<string, ContainerOfProcess['engine']>> = {
  docker: 'docker',
  'cri-containerd': 'containerd',
  nerdctl: 'containerd',
  libpod: 'podman',
  crio: 'cri-o',
};

/**
 * Reads the container's id out of /proc/PID/cgroup: `/docker/<64 hex>`, `docker-<id>.scope`,
 * `kubepods…/cri-containerd-<id>.scope`, `libpod-<id>`. Inside a cgroup namespace the path is `/` and tells nothing.
 */
export function containerOf(cgroupText: string): ContainerOfProcess | undefined {
  for (const path of cgroupPaths(cgroupText).values()) {
    // The innermost name with an id: with Docker in Docker the outer one comes first.
    const parts = path.split('/').reverse();
    for (const [depth, part] of parts.entries()) {
      const match = /^(?:(?<scope>[a-z-]+)-)?(?<id>[0-9a-f]{64})(?:\.scope)?$/.exec(part);
      if (match?.groups?.['id'] === undefined) continue;
      const word = match.groups['scope'] ?? parts[depth + 1] ?? '';
      return {
        engine: scopes[word] ?? 'unknown',
        id: match.groups['id'],
        kubernetes: path.includes('kubepods'),
      };
    }
  }
  return undefined;
}

/** How full the table is that a zombie keeps a place in. */
export interface ProcessLimit {
  readonly limit: number;
  readonly used: number;
  /** The file that holds the limit. */
  readonly file: string;
}

/**
 * The pids limit that leaves the least room, of the process's cgroup and all those above it: a zombie counts there
 * until it is reaped (kernel documentation, cgroup-v2, PID controller), and at the limit fork fails with EAGAIN.
 * @param mountinfo /proc/self/mountinfo of the reader: where cgroup file systems are mounted and from which root
 */
export function tightestPidsLimit(cgroupText: string, mountinfo: string): ProcessLimit | undefined {
  const place = pidsFolder(cgroupPaths(cgroupText), mountinfo);
  if (place === undefined) return undefined;
  let tightest: ProcessLimit | undefined;
  for (const folder of upwards(place.top, place.below)) {
    const file = `${folder}/pids.max`;
    const limit = Number(readProcFile(file) ?? 'max');
    const used = Number(readProcFile(`${folder}/pids.current`) ?? 'unknown');
    if (Number.isNaN(limit) || Number.isNaN(used)) continue;
    if (tightest === undefined || limit - used < tightest.limit - tightest.used)
      tightest = { limit, used, file };
  }
  return tightest;
}

/** Whether the process's cgroup is frozen, as `docker pause` does it (cgroup v2: cgroup.events, v1: freezer.state). */
export function isFrozen(cgroupText: string, mountinfo: string): boolean {
  const paths = cgroupPaths(cgroupText);
  const unified = folderOf('', paths, mountinfo);
  if (
    unified !== undefined &&
    /^frozen 1$/m.test(readProcFile(`${unified.top}${unified.below}/cgroup.events`) ?? '')
  ) {
    return true;
  }
  const freezer = folderOf('freezer', paths, mountinfo);
  const state = freezer && readProcFile(`${freezer.top}${freezer.below}/freezer.state`);
  return state?.startsWith('FR') === true;
}

/** Path by controller; the unified hierarchy (cgroup v2) has the empty name. */
function cgroupPaths(cgroupText: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of cgroupText.split('\n')) {
    const [, controllers, ...path] = line.split(':');
    for (const controller of controllers?.split(',') ?? []) paths.set(controller, path.join(':'));
  }
  return paths;
}

interface CgroupFolder {
  /** Where the hierarchy is mounted. */
  readonly top: string;
  /** The way from there, with a leading slash; empty for the mount point itself. */
  readonly below: string;
}

const pidsFolder = (paths: ReadonlyMap<string, string>, mountinfo: string): CgroupFolder | undefined =>
  folderOf('pids', paths, mountinfo) ?? folderOf('', paths, mountinfo);

function folderOf(
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

function upwards(top: string, below: string): readonly string[] {
  const folders = [`${top}${below}`];
  for (let rest = below; rest !== ''; ) {
    rest = rest.slice(0, rest.lastIndexOf('/'));
    folders.push(`${top}${rest}`);
  }
  return folders;
}
