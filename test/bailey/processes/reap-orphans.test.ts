/** Reaping orphans in a process whose libuv reaps its own children, with real processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { readProcessTable } from '../../../src/bailey/processes/process-table.ts';
import { reapOrphans } from '../../../src/bailey/processes/reap-orphans.ts';
import { native } from '../../../src/linux/native-addon.ts';
import { isZombie } from '../../../src/linux/process-stat.ts';
import { until } from '../../kit/until.ts';

const calls = native();
const children = () => [...readProcessTable().values()].filter(({ ppid }) => ppid === process.pid);
const zombies = () => children().filter(isZombie);

/** Blocks the event loop: children that exit meanwhile stay zombies for libuv, too. */
function untilZombies(count: number): void {
  const end = performance.now() + 20_000;
  while (zombies().length < count) if (performance.now() > end) throw new Error(`never ${count} zombies`);
}

/** A shell that leaves orphans, which this process adopts. */
async function leaveOrphans(script: string): Promise<void> {
  await once(spawn('sh', ['-c', script], { stdio: 'ignore' }), 'exit');
}

t.before(() => calls.setSubreaper(true));

t.test('a subreaper adopts the orphans of its descendants, until it stops being one', async (t) => {
  t.equal(calls.isSubreaper(), true);
  await leaveOrphans('sleep 1000 &');
  const orphan = await until('this process has adopted the orphan', () => children()[0]);
  calls.setSubreaper(false);
  t.equal(calls.isSubreaper(), false);
  calls.setSubreaper(true);
  const pidfd = calls.pidfdOpen(orphan.pid);
  calls.pidfdSignal(pidfd, 0);
  calls.pidfdSignal(pidfd, 9);
  await until('the orphan has ended', () => !calls.pidfdAlive(pidfd) || undefined);
  t.same(calls.peekEnded(), { pid: orphan.pid, signal: 9 }, 'the end is visible');
  t.same(calls.peekEnded(), { pid: orphan.pid, signal: 9 }, 'the orphan is not reaped');
  t.same(calls.reap(orphan.pid), { pid: orphan.pid, signal: 9 });
  t.equal(calls.reap(orphan.pid), undefined);
  t.equal(calls.peekEnded(), undefined);
  t.throws(() => calls.pidfdSignal(pidfd, 9), { code: 'ESRCH' });
});

t.test('children of Node get their exit event and orphans are reaped, in either order', async (t) => {
  for (let round = 0; round < 20; round++) {
    await leaveOrphans('(exit 7) & (exit 8) &');
    const own: ChildProcess[] = [0, 1, 2].map((code) => spawn('sh', ['-c', `exit ${code + 40}`]));
    const pids = new Set(own.map(({ pid }) => pid));
    const ends = own.map((child) => once(child, 'exit'));
    // Both orphans and all three children are zombies before the event loop runs.
    untilZombies(5);
    const reaped = reapOrphans(calls, (pid) => pids.has(pid));
    t.same(reaped.map(({ code }) => code).sort(), [7, 8]);
    t.same(
      (await Promise.all(ends)).map(([code]) => code),
      [40, 41, 42],
      'libuv reaped its own children',
    );
    t.same(children(), [], 'no child is left');
  }
});

t.test('reaping a pid that is not a child is an error, or ignored', (t) => {
  t.equal(calls.reap(process.ppid), undefined, 'a process that is not a child');
  t.throws(() => calls.reap(0), { code: 'EINVAL' });
  t.throws(() => calls.reap(-1), { code: 'EINVAL' });
  t.throws(() => calls.pidfdSignal(-1, 0), { code: 'EBADF' });
  t.end();
});
