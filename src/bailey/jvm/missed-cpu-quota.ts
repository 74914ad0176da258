import type { Limits } from '../container/limits.ts';

/** A number of processors that the JVM would not find by itself. */
export interface ProcessorCount {
  readonly count: number;
  readonly reason: string;
}

/**
 * How many processors to tell the JVM of, where it would count too many. It is only ever the number that a JVM which
 * sees everything would take: the quota rounded up, at most what affinity and cpusets allow. Two cases are known, and in
 * all others nothing is said:
 * - the quota is set on a cgroup above ours, as a Kubernetes pod's may be: before the fix of JDK-8322420 (JDK 24, and
 *   late updates of older ones) only the innermost one is read;
 * - /proc/cgroups lacks a controller, as kernels from 6.12 on may: before the fix of JDK-8349988 the JVM then takes
 *   itself for not containerized, and reads no limit at all.
 * A cpu.shares that an old JVM (before 17.0.5, JDK-8281181) takes for a number of CPUs is left alone: it makes it count
 * too few, and who knows of it has set the number.
 */
export function missedCpuQuota({ cpuQuota, cpus, controllersListed }: Limits): ProcessorCount | undefined {
  if (cpuQuota === undefined || cpus === undefined) return undefined;
  const count = Math.ceil(cpuQuota.cpus);
  if (count >= cpus) return undefined;
  if (!controllersListed)
    return {
      count,
      reason: '/proc/cgroups lists not all controllers, and many a JVM then sees no limit (JDK-8349988)',
    };
  if (!cpuQuota.own)
    return { count, reason: 'the quota is set above our own cgroup, where many a JVM does not look' };
  return undefined;
}
