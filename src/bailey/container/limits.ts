import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupFolder, cgroupMounts, cgroupPaths, upwards } from '../../linux/cgroup-folders.ts';

/** The resources that this process may use; undefined: not limited, or not known. */
export interface Limits {
  /**
   * The smallest memory limit of this process's cgroup and its visible parents; undefined when it exceeds the physical
   * memory.
   */
  readonly memory: MemoryLimit | undefined;
  /** Physical memory of the machine, in bytes. */
  readonly physicalBytes: number | undefined;
  /** The smallest CPU quota of this process's cgroup and its visible parents. */
  readonly cpuQuota: CpuQuota | undefined;
  /** Number of usable CPUs, from affinity and cpusets. */
  readonly cpus: number | undefined;
  /** Whether /proc/cgroups lists cpu, cpuacct, cpuset and memory as enabled: newer kernels can leave some out. */
  readonly controllersListed: boolean;
}

export interface MemoryLimit {
  readonly bytes: number;
  /** The file that contains it. */
  readonly file: string;
}

export interface CpuQuota {
  /** Number of CPUs: 1.5 means three CPU seconds in two seconds. */
  readonly cpus: number;
  /** The file that contains it. */
  readonly file: string;
  /** Whether the quota is set on this process's own cgroup; otherwise a parent cgroup has it. */
  readonly own: boolean;
}

/**
 * Reads the limits of this process from cgroup v1, v2 or both. A file that cannot be read counts as no limit: a container
 * may hide them all.
 * Sources: kernel documentation, cgroup-v1/memory, cgroup-v2, sched-bwc; proc_pid_status(5).
 * @param root the folder that contains proc/, and the cgroups below the mount points in proc/self/mountinfo
 */
export function readLimits(root = '/'): Limits {
  const { read, folders } = openCgroups(root);
  const unified = folders('');
  const physicalBytes = kibibytes('MemTotal', read('/proc/meminfo') ?? '');
  return {
    memory: belowPhysical(
      smallest(
        [...memoryLimits1(folders('memory'), read), ...memoryLimits2(unified, read)],
        ({ bytes }) => bytes,
      ),
      physicalBytes,
    ),
    physicalBytes,
    cpuQuota: smallest(
      [...cpuQuotas1(folders('cpu'), read), ...cpuQuotas2(unified, read)],
      ({ cpus }) => cpus,
    ),
    cpus: countCpus(/^Cpus_allowed_list:\s*(\S+)$/m.exec(read('/proc/self/status') ?? '')?.[1]),
    controllersListed: areControllersListed(read('/proc/cgroups') ?? ''),
  };
}

/**
 * Bytes in use now in the innermost cgroup, page cache included. Not part of {@link readLimits}, because the kernel adds up
 * counters of all CPUs for it, and a container's start must not wait for that.
 * @param root as in {@link readLimits}
 */
export function readMemoryInUse(root = '/'): number | undefined {
  const { read, folders } = openCgroups(root);
  return (
    count(read(`${folders('memory')[0]}/memory.usage_in_bytes`)) ??
    count(read(`${folders('')[0]}/memory.current`))
  );
}

interface Cgroups {
  readonly read: Read;
  /** The folders of the own cgroup and its visible parents, for a v1 controller, or for cgroup v2 with an empty name. */
  readonly folders: (controller: string) => readonly string[];
}

function openCgroups(root: string): Cgroups {
  const read: Read = (path) => readText(join(root, path));
  const paths = cgroupPaths(read('/proc/self/cgroup') ?? '');
  const mounts = cgroupMounts(read('/proc/self/mountinfo') ?? '');
  return {
    read,
    folders: (controller) => {
      const place = cgroupFolder(controller, paths, mounts);
      return place === undefined ? [] : upwards(place);
    },
  };
}

type Read = (path: string) => string | undefined;

function memoryLimits1(folders: readonly string[], read: Read): MemoryLimit[] {
  const limits = folders.flatMap((folder) => limitIn(`${folder}/memory.limit_in_bytes`, read));
  // The value in memory.stat includes the limits of parent cgroups, which a container usually cannot see.
  const file = `${folders[0]}/memory.stat`;
  const bytes = count(/^hierarchical_memory_limit (\d+)$/m.exec(read(file) ?? '')?.[1]);
  return bytes === undefined ? limits : [...limits, { bytes, file }];
}

/** memory.high counts, too: above it the kernel kills no process, but throttles all to reclaim pages. */
const memoryLimits2 = (folders: readonly string[], read: Read): MemoryLimit[] =>
  folders.flatMap((folder) => [
    ...limitIn(`${folder}/memory.max`, read),
    ...limitIn(`${folder}/memory.high`, read),
  ]);

function limitIn(file: string, read: Read): MemoryLimit[] {
  const bytes = count(read(file));
  return bytes === undefined ? [] : [{ bytes, file }];
}

const cpuQuotas1 = (folders: readonly string[], read: Read): CpuQuota[] =>
  folders.flatMap((folder, depth) => {
    const file = `${folder}/cpu.cfs_quota_us`;
    return quota(file, depth, read(file), read(`${folder}/cpu.cfs_period_us`));
  });

const cpuQuotas2 = (folders: readonly string[], read: Read): CpuQuota[] =>
  folders.flatMap((folder, depth) => {
    const file = `${folder}/cpu.max`;
    const [microseconds, period] = read(file)?.split(' ') ?? [];
    return quota(file, depth, microseconds, period);
  });

function quota(
  file: string,
  depth: number,
  microseconds: string | undefined,
  period: string | undefined,
): CpuQuota[] {
  const [timeUs, periodUs] = [count(microseconds), count(period)];
  return timeUs === undefined || periodUs === undefined
    ? []
    : [{ cpus: timeUs / periodUs, file, own: depth === 0 }];
}

/** Of equal values, returns the first, which belongs to the innermost cgroup. */
function smallest<T>(limits: readonly T[], size: (limit: T) => number): T | undefined {
  return limits.reduce<T | undefined>(
    (least, limit) => (least === undefined || size(limit) < size(least) ? limit : least),
    undefined,
  );
}

/** cgroup v1 shows the largest number of pages when there is no limit. */
const noLimit = 2 ** 60;

/**
 * Ignores a limit above the physical memory, as the JVM does. A limit that equals the physical memory counts: lxcfs shows
 * the limit as MemTotal.
 */
function belowPhysical(limit: MemoryLimit | undefined, physicalBytes = noLimit): MemoryLimit | undefined {
  return limit !== undefined && limit.bytes <= physicalBytes && limit.bytes < noLimit ? limit : undefined;
}

/** A whole number above 0; not `max`, and not the -1 of cgroup v1. */
function count(text: string | undefined): number | undefined {
  const value = /^\d+\s*$/.test(text ?? '') ? Number(text) : 0;
  return value > 0 ? value : undefined;
}

function kibibytes(field: string, meminfo: string): number | undefined {
  const found = count(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(meminfo)?.[1]);
  return found === undefined ? undefined : found * 1024;
}

/** @param list `0-3,8` */
function countCpus(list: string | undefined): number | undefined {
  if (list === undefined) return undefined;
  const ranges = list.split(',').map((range) => range.split('-').map(Number));
  return ranges.reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0);
}

function areControllersListed(text: string): boolean {
  const enabled = text.split('\n').flatMap((line) => {
    const [name = '', , , on] = line.split('\t');
    return on === '1' ? [name] : [];
  });
  return ['cpu', 'cpuacct', 'cpuset', 'memory'].every((name) => enabled.includes(name));
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
