import type { Limits } from '../container/limits.ts';

/** A number of processors that the JVM does not detect. */
export interface ProcessorCount {
  readonly count: number;
  readonly reason: string;
}

/**
 * Returns the value for -XX:ActiveProcessorCount where the JVM would count too many processors: the CPU quota rounded up, which
 * is also the number that a JVM derives from a quota that it detects. Two such cases are known; in all others the result is
 * undefined:
 * - the quota is set on a parent cgroup, as for a Kubernetes pod: before the fix of JDK-8322420 (JDK 24, and late updates
 *   of older releases) the JVM reads only the innermost cgroup;
 * - /proc/cgroups does not list a controller, possible from kernel 6.12 on: before the fix of JDK-8349988 the JVM then
 *   assumes that it is not in a container and reads no limit.
 * Not handled: JVMs before 17.0.5 (JDK-8281181) derive a CPU count from cpu.shares and count too few processors.
 */
export function missedCpuQuota({ cpuQuota, cpus, controllersListed }: Limits): ProcessorCount | undefined {
  if (cpuQuota === undefined || cpus === undefined) return undefined;
  const count = Math.ceil(cpuQuota.cpus);
  if (count >= cpus) return undefined;
  if (!controllersListed)
    return {
      count,
      reason: '/proc/cgroups does not list all controllers, and many JVMs then see no limit (JDK-8349988)',
    };
  if (!cpuQuota.own)
    return {
      count,
      reason: 'the quota is set on a parent cgroup, which many JVMs do not read (JDK-8322420)',
    };
  return undefined;
}
