/** -XX:ActiveProcessorCount is added only where java may count too many processors. */
import t from 'tap';
import { missedCpuQuota } from '../../../src/bailey/jvm/missed-cpu-quota.ts';

const limits = { memory: undefined, physicalBytes: undefined, cpus: 4, controllersListed: true };
const quota = (cpus: number, own: boolean) => ({ cpus, file: '/sys/fs/cgroup/cpu.max', own });

t.test('the count depends on the quota, its cgroup, and the listed controllers', (t) => {
  for (const [what, cpuQuota, controllersListed, count] of [
    ['no quota', undefined, false, undefined],
    ['one that java sees', quota(1.5, true), true, undefined],
    ['one above our own cgroup', quota(1.5, false), true, 2],
    ['one that the kernel hides from java', quota(1.5, true), false, 2],
    ['a part of a CPU', quota(0.1, false), true, 1],
    ['whole CPUs', quota(3, false), true, 3],
    ['rounded up it is all of them', quota(3.1, false), true, undefined],
    ['more than there are', quota(8, false), false, undefined],
  ] as const)
    t.equal(missedCpuQuota({ ...limits, cpuQuota, controllersListed })?.count, count, what);
  const unknown = { ...limits, cpuQuota: quota(1, false), cpus: undefined };
  t.equal(missedCpuQuota(unknown), undefined, 'unknown affinity');
  t.end();
});
