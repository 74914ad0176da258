import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { containerOf, tightestPidsLimit } from '../../../src/bailey/processes/process-cgroup.ts';
import type { ZombieReport } from '../../../src/bailey/processes/zombie-report.ts';
import { cgroupMounts } from '../../../src/linux/cgroup-folders.ts';
import { type Need, requires, root } from '../../kit/needs.ts';
import { until, untilTrue } from '../../kit/until.ts';

const id = '0123456789abcdef'.repeat(4);
const other = 'f'.repeat(64);

t.test('containers are recognized by the cgroup names of the engines', (t) => {
  const cases: readonly (readonly [string, ReturnType<typeof containerOf>])[] = [
    [`0::/system.slice/docker-${id}.scope\n`, { engine: 'docker', id, kubernetes: false }],
    [`8:pids:/docker/${id}\n0::/\n`, { engine: 'docker', id, kubernetes: false }],
    [
      `0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-${id}.scope`,
      { engine: 'containerd', id, kubernetes: true },
    ],
    [`0::/kubepods/burstable/pod1/crio-${id}`, { engine: 'cri-o', id, kubernetes: true }],
    [`0::/kubepods/burstable/pod1/${id}`, { engine: 'unknown', id, kubernetes: true }],
    [`0::/machine.slice/libpod-${id}.scope/container`, { engine: 'podman', id, kubernetes: false }],
    [`0::/docker/${other}/docker/${id}`, { engine: 'docker', id, kubernetes: false }],
    ['0::/user.slice/user-1000.slice/session-3.scope', undefined],
    [`0::/docker/${id.slice(1)}`, undefined],
    ['0::/', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases) t.same(containerOf(text), expected, text);
  t.end();
});

t.test('hierarchies that are not visible give no limit', (t) => {
  const mountinfo = '30 20 0:26 /mine /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n';
  t.equal(tightestPidsLimit('0::/yours/x', cgroupMounts(mountinfo)), undefined);
  t.equal(tightestPidsLimit('0::/mineral', cgroupMounts(mountinfo)), undefined);
  t.equal(tightestPidsLimit('0::/../x', cgroupMounts(mountinfo.replace('/mine', '/'))), undefined);
  t.equal(tightestPidsLimit('', cgroupMounts(mountinfo)), undefined);
  t.end();
});

/** The folder in which cgroups with a pids controller can be created, on cgroup v1 and v2. */
const hierarchy = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find((top) => {
  const { status } = spawnSync('sh', [
    '-c',
    `test -e ${top}/cgroup.procs && mkdir ${top}/bailey-probe && rmdir ${top}/bailey-probe`,
  ]);
  return status === 0;
});
const cgroups = (): Need => (hierarchy === undefined ? 'needs a writable cgroup hierarchy' : undefined);

t.test('the pids limits of parent cgroups count, too', async (t) => {
  if (!requires(t, root, cgroups)) return;
  const outer = `${hierarchy}/bailey-${process.pid}`;
  const inner = `${outer}/docker-${id}.scope`;
  if (!hierarchy?.endsWith('pids')) writeFileSync(`${hierarchy}/cgroup.subtree_control`, '+pids');
  mkdirSync(outer);
  if (!hierarchy?.endsWith('pids')) writeFileSync(`${outer}/cgroup.subtree_control`, '+pids');
  mkdirSync(inner);
  writeFileSync(`${outer}/pids.max`, '20');
  writeFileSync(`${inner}/pids.max`, '3000');
  const script = `echo $$ >${inner}/cgroup.procs; sleep 0 & exec sleep 1000`;
  const parent = spawn('sh', ['-c', script], { stdio: 'ignore' });
  t.teardown(async () => {
    const closed = new Promise((resolve) => parent.once('close', resolve));
    parent.kill('SIGKILL');
    await closed;
    // The cgroup is busy until PID 1 has adopted and reaped the zombie.
    await untilTrue('the cgroup is empty', () => readFileSync(`${inner}/cgroup.procs`, 'utf8') === '');
    rmdirSync(inner);
    rmdirSync(outer);
  });
  const group = await until('the zombie is reported', () => {
    const { stdout } = spawnSync(process.execPath, ['dist/bailey.js', 'zombies', '--json'], {
      encoding: 'utf8',
    });
    return (JSON.parse(stdout) as ZombieReport).parents.find(({ parent: { pid } }) => pid === parent.pid);
  });
  t.match(group.parent, {
    container: { engine: 'docker', id },
    pids: { limit: 20, used: 2, file: `${outer}/pids.max` },
  });
});
