import { cgroupFolder, cgroupPaths, upwards } from '../../linux/cgroup-folders.ts';
import type { MountLine } from '../../linux/mountinfo.ts';
import { readProcFile } from './proc-file.ts';

/** The container of a process, derived from the name of its cgroup. */
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
 * Reads the container's id from /proc/PID/cgroup: `/docker/<64 hex>`, `docker-<id>.scope`,
 * `kubepods…/cri-containerd-<id>.scope`, `libpod-<id>`. Inside a cgroup namespace the path is `/`, without an id.
 */
export function containerOf(cgroupText: string): ContainerOfProcess | undefined {
  for (const path of cgroupPaths(cgroupText).values()) {
    // Innermost first: with Docker in Docker, the path contains the outer container's id, too.
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

/** A limit on the number of processes, and its current use; zombies count. */
export interface ProcessLimit {
  readonly limit: number;
  readonly used: number;
  /** The file that holds the limit. */
  readonly file: string;
}

/**
 * Returns the pids limit with the fewest processes left, among the process's cgroup and its ancestors. A zombie counts until it
 * is reaped (kernel documentation, cgroup-v2, PID controller), and at the limit fork fails with EAGAIN.
 * @param mounts the mounts of the cgroup file systems, from `cgroupMounts`
 */
export function tightestPidsLimit(
  cgroupText: string,
  mounts: readonly MountLine[],
): ProcessLimit | undefined {
  const paths = cgroupPaths(cgroupText);
  const place = cgroupFolder('pids', paths, mounts) ?? cgroupFolder('', paths, mounts);
  if (place === undefined) return undefined;
  let tightest: ProcessLimit | undefined;
  for (const folder of upwards(place)) {
    const file = `${folder}/pids.max`;
    const limit = Number(readProcFile(file) ?? 'max');
    const used = Number(readProcFile(`${folder}/pids.current`) ?? 'unknown');
    if (Number.isNaN(limit) || Number.isNaN(used)) continue;
    if (tightest === undefined || limit - used < tightest.limit - tightest.used)
      tightest = { limit, used, file };
  }
  return tightest;
}

/** Whether the process's cgroup is frozen, for example by `docker pause` (cgroup v2: cgroup.events, v1: freezer.state). */
export function isFrozen(cgroupText: string, mounts: readonly MountLine[]): boolean {
  const paths = cgroupPaths(cgroupText);
  const unified = cgroupFolder('', paths, mounts);
  if (
    unified !== undefined &&
    /^frozen 1$/m.test(readProcFile(`${unified.top}${unified.below}/cgroup.events`) ?? '')
  ) {
    return true;
  }
  const freezer = cgroupFolder('freezer', paths, mounts);
  const state = freezer && readProcFile(`${freezer.top}${freezer.below}/freezer.state`);
  return state?.startsWith('FR') === true;
}
