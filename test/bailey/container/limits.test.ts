/** Limits in the files of both cgroup versions, in the layouts of different kinds of containers. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { type Limits, readLimits, readMemoryInUse } from '../../../src/bailey/container/limits.ts';
import type { JvmReport } from '../../../src/bailey/jvm/jvm-report.ts';
import { Cgroup, cgroups } from '../../kit/cgroup.ts';
import { run } from '../../kit/docker.ts';
import { requires, root } from '../../kit/needs.ts';
import { temporaryFolder } from '../kit/bailey.ts';

type Tree = Readonly<Record<string, string>>;

/** Creates the files. @returns their root folder */
function lay(t: Test, tree: Tree): string {
  const folder = temporaryFolder(t);
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const read = (t: Test, tree: Tree): Limits => readLimits(lay(t, tree));

const machine: Tree = {
  'proc/meminfo': 'MemTotal:        8388608 kB\nMemFree:         1000 kB\n',
  'proc/cgroups': `#subsys_name\thierarchy\tnum_cgroups\tenabled\n${['cpuset', 'cpu', 'cpuacct', 'memory', 'pids'].map((name) => `${name}\t0\t9\t1`).join('\n')}\n`,
  'proc/self/status': 'Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-2,5\n',
};
const gibibyte = 2 ** 30;
const v2 = (rootOfMount: string): string =>
  `30 20 0:26 ${rootOfMount} /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n`;
const v1 = (controller: string, rootOfMount: string): string =>
  `31 20 0:27 ${rootOfMount} /sys/fs/cgroup/${controller} ro - cgroup cgroup rw,${controller}\n`;

t.test('cgroup v2 in a cgroup namespace: limits are read from the root of the mount', (t) => {
  const limits = read(t, {
    ...machine,
    'proc/self/cgroup': '0::/\n',
    'proc/self/mountinfo': v2('/'),
    'sys/fs/cgroup/memory.max': `${2 * gibibyte}\n`,
    'sys/fs/cgroup/memory.high': 'max\n',
    'sys/fs/cgroup/cpu.max': '150000 100000\n',
  });
  t.strictSame(limits, {
    memory: { bytes: 2 * gibibyte, file: '/sys/fs/cgroup/memory.max' },
    physicalBytes: 8 * gibibyte,
    cpuQuota: { cpus: 1.5, file: '/sys/fs/cgroup/cpu.max', own: true },
    cpus: 4,
    controllersListed: true,
  });
  t.end();
});

t.test('cgroup v2 with a visible hierarchy: the smallest limit of all levels counts', (t) => {
  const tree: Tree = {
    ...machine,
    'proc/self/cgroup': '0::/pods/pod1/jenkins\n',
    'proc/self/mountinfo': v2('/'),
    'sys/fs/cgroup/pods/memory.max': 'max\n',
    'sys/fs/cgroup/pods/pod1/memory.max': `${gibibyte}\n`,
    'sys/fs/cgroup/pods/pod1/cpu.max': '50000 100000\n',
    'sys/fs/cgroup/pods/pod1/jenkins/memory.max': `${4 * gibibyte}\n`,
    'sys/fs/cgroup/pods/pod1/jenkins/cpu.max': 'max 100000\n',
  };
  const limits = read(t, tree);
  t.strictSame(limits.memory, { bytes: gibibyte, file: '/sys/fs/cgroup/pods/pod1/memory.max' });
  t.strictSame(limits.cpuQuota, { cpus: 0.5, file: '/sys/fs/cgroup/pods/pod1/cpu.max', own: false });

  const high = 'sys/fs/cgroup/pods/memory.high';
  t.match(read(t, { ...tree, [high]: '900000000\n' }).memory, { bytes: 900000000, file: `/${high}` });
  t.end();
});

t.test('cgroup v1 with and without a namespace: memory.stat contains the limits of the parents', (t) => {
  for (const [path, rootOfMount] of [
    ['/docker/c1', '/docker/c1'],
    ['/', '/'],
  ] as const) {
    const limits = read(t, {
      ...machine,
      'proc/self/cgroup': `5:memory:${path}\n4:cpu,cpuacct:${path}\n0::${path}\n`,
      // In hybrid mode version 2 is mounted, too, without controllers.
      'proc/self/mountinfo':
        v1('memory', rootOfMount) +
        v1('cpu', rootOfMount) +
        v2('/').replace('cgroup ro', 'cgroup/unified ro'),
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/memory/memory.stat': `cache 0\nhierarchical_memory_limit ${gibibyte}\nhierarchical_memsw_limit 1\n`,
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    });
    t.strictSame(limits.memory, { bytes: gibibyte, file: '/sys/fs/cgroup/memory/memory.stat' });
    t.equal(limits.cpuQuota, undefined, '-1 is no quota');
  }
  t.end();
});

t.test('max, -1 and values above the physical memory mean no limit', (t) => {
  const tree = (limit: string): Tree => ({
    ...machine,
    'proc/self/cgroup': '0::/\n',
    'proc/self/mountinfo': v2('/'),
    'sys/fs/cgroup/memory.max': limit,
  });
  for (const text of [
    'max\n',
    '',
    '0\n',
    '-1\n',
    'much\n',
    `${8 * gibibyte + 4096}\n`,
    '9223372036854771712\n',
  ])
    t.equal(read(t, tree(text)).memory, undefined, JSON.stringify(text));
  t.match(
    read(t, tree(`${8 * gibibyte}\n`)).memory,
    { bytes: 8 * gibibyte },
    'a limit equal to the physical memory counts',
  );
  const { 'proc/meminfo': _, ...without } = tree('9223372036854771712\n');
  t.equal(read(t, without).memory, undefined, 'also when the physical memory is not known');
  t.equal(read(t, { ...without, 'sys/fs/cgroup/memory.max': '4096\n' }).memory?.bytes, 4096);
  t.end();
});

t.test('memory in use is read from the innermost cgroup', (t) => {
  for (const [own, mountinfo, file] of [
    ['0::/\n', v2('/'), 'sys/fs/cgroup/memory.current'],
    ['5:memory:/a\n0::/a\n', v1('memory', '/a') + v2('/'), 'sys/fs/cgroup/memory/memory.usage_in_bytes'],
  ] as const) {
    const tree = { 'proc/self/cgroup': own, 'proc/self/mountinfo': mountinfo };
    t.equal(readMemoryInUse(lay(t, { ...tree, [file]: '4096\n' })), 4096);
    t.equal(readMemoryInUse(lay(t, tree)), undefined);
  }
  t.end();
});

t.test('unreadable files mean no limit', (t) => {
  const nothing = {
    memory: undefined,
    physicalBytes: undefined,
    cpuQuota: undefined,
    cpus: undefined,
    controllersListed: false,
  };
  t.strictSame(read(t, {}), nothing);
  const hidden = { 'proc/self/cgroup': '0::/a\n5:memory:/a\n', 'proc/self/mountinfo': v2('/b') };
  t.strictSame(
    read(t, { ...hidden, 'sys/fs/cgroup/memory.max': '4096\n' }),
    nothing,
    'a cgroup of another process',
  );
  t.end();
});

t.test('a controller that /proc/cgroups omits or disables is missing', (t) => {
  const listed = machine['proc/cgroups'] ?? '';
  for (const text of [listed.replace(/^cpuset.*\n/m, ''), listed.replace(/^(memory.*)1$/m, '$10')])
    t.equal(read(t, { ...machine, 'proc/cgroups': text }).controllersListed, false);
  t.end();
});

if (requires(t, root, cgroups('memory'))) {
  t.test('the smallest limit of real nested cgroups counts', async (t) => {
    const outer = new Cgroup(t, 'memory');
    const inner = new Cgroup(t, 'memory', outer);
    outer.limitMemory(256 * 2 ** 20);
    const report = async () => {
      const [shell = '', ...args] = inner.command;
      const ran = await run(shell, [...args, process.execPath, 'dist/bailey.js', 'jvm', '--json']);
      return JSON.parse(ran.stdout) as Pick<JvmReport, 'limits' | 'usedBytes'>;
    };
    const above = await report();
    t.strictSame(above.limits.memory, { bytes: 256 * 2 ** 20, file: outer.memoryFile });
    t.ok(above.usedBytes, 'in use');
    inner.limitMemory(128 * 2 ** 20);
    t.strictSame((await report()).limits.memory, { bytes: 128 * 2 ** 20, file: inner.memoryFile });
  });
}
