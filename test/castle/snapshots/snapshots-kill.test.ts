/** A castle that is killed at every step of a snapshot and of a restore, while file systems may be frozen. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Volume } from '../../../src/protocol/contract.ts';
import { childrenOf } from '../../kit/namespace.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { fsck, imageOf, loopDevices, loopsOf, untilNoLoops } from '../backends/loop/loop-host.ts';
import { FatalTools, type Moment } from '../crash/fatal-tools.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';
import { order, restored, snapshotsOf, stored, taken } from './snapshot-host.ts';

t.setTimeout(0);
t.jobs = 4;

/** The operation, its step, and which of the castle's tools kills it at which call. */
type Step = readonly ['take' | 'restore', string, string, number];

/** A castle whose tools can kill it or wait, and a container that has the volume main. */
async function begin(t: Test, loop = 'size=16M', ...options: readonly string[]) {
  const tools = new FatalTools(t);
  const { program, env } = tools;
  const castle = await CastleOnHost.start(t, 'process', { loop, program, env, options });
  const container = await TestContainer.start(t, castle);
  t.equal((await container.lease('main')).status, 201);
  await container.write(join(container.home, 'data'), 'first\n');
  return { tools, castle, container };
}

const unfinished = (castle: CastleOnHost) =>
  [...stored(castle), ...readdirSync(castle.backend)].filter((name) => name.startsWith('.unfinished'));

/** Kills a castle when it runs its tools, three times for each step. */
async function killByTools(t: Test, loop: string, steps: readonly Step[]): Promise<void> {
  const { tools, castle, container } = await begin(t, loop);
  const whole = await taken(castle, 'main');
  let lines = 'first\n';
  for (const [n, [act, name, tool, call]] of steps.entries()) {
    for (const moment of ['before', 'meanwhile', 'after'] satisfies Moment[]) {
      const step = `${act}: killed ${moment}: ${name}`;
      const volume = `copy-${n}-${moment}`;
      tools.order(tool, call, moment);
      const acting = act === 'take' ? taken(castle, 'main') : restored(castle, whole, volume);
      await acting.catch(() => undefined);
      t.ok(tools.withdraw(), step);
      await castle.end('SIGKILL');
      // An orphan of the last castle may still be running; one that reads the snapshot must not block the next castle.
      await castle.serve();
      await container.write(join(container.home, 'data'), `${step}\n`);
      lines += `${step}\n`;
      t.equal(
        await container.read(join(container.home, 'data')),
        lines,
        'the volume is usable, with all its data',
      );
      const all = await snapshotsOf(castle);
      t.same(
        all.filter(({ state }) => state !== 'ready'),
        [],
        'no incomplete snapshot is listed',
      );
      t.ok(
        all.some(({ id }) => id === whole),
        'no other snapshot is lost',
      );
      t.equal(
        stored(castle).filter((name) => !name.startsWith('.')).length,
        all.length,
        'the snapshots on the disk are those that are listed',
      );
      if (act === 'restore') {
        const isThere = await volumes(castle, volume);
        t.equal(
          readdirSync(castle.backend).some((name) => name.startsWith(`${volume}@`)),
          isThere,
        );
        // An orphan may have completed a file under a temporary name: the repeated restore must still succeed.
        if (!isThere) t.equal(await restored(castle, whole, volume), 201, 'the restore can be repeated');
        t.equal(fsck(imageOf(castle.backend, volume)), 0);
      }
    }
  }
  const reader = await TestContainer.start(t, castle);
  for (const [n, { id }] of (await snapshotsOf(castle)).entries()) {
    t.equal(await restored(castle, id, `last-${n}`), 201);
    t.equal(fsck(imageOf(castle.backend, `last-${n}`)), 0);
    const { body } = await reader.lease(`last-${n}`);
    t.ok(lines.startsWith(await reader.read(join(reader.home, 'data'))), 'the data is of one moment');
    await reader.call('DELETE', `/v1/leases/${body.id}`);
  }
  await castle.end('SIGTERM');
  await castle.serve();
  t.same(unfinished(castle), [], 'no unfinished file is left');
  t.equal(loopsOf(castle.backend).length, 1, 'only the device of the mounted volume is left');
}

const volumes = async (castle: CastleOnHost, name: string): Promise<boolean> =>
  (JSON.parse((await castle.get('/v1/volumes')).text) as Volume[]).some(
    (volume) => volume.name === name && volume.state === 'ready',
  );

/**
 * The number of the call of cp that copies while the file system is frozen: two calls and an attempt to share blocks
 * precede it.
 */
const copyWhileFrozen = 3;

/** Begins a snapshot that is held while the file system is frozen. @returns a promise of the castle's response */
function beginHeldSnapshot({ tools, castle }: { tools: FatalTools; castle: CastleOnHost }) {
  tools.order('cp', copyWhileFrozen, 'hold');
  return order(castle, '/v1/snapshots', { volume: 'main' }).catch(() => undefined);
}

/** Whether the file system of the volume main is frozen: castle-mount's attempt to freeze it again fails then. */
function isFrozen(castle: CastleOnHost): boolean {
  const [device = '', image = ''] = loopsOf(castle.backend)[0]?.split(' ') ?? [];
  const uuid = /^main@(.*)\.ext4$/.exec(image)?.[1] ?? '';
  const { stdout } = spawnSync('dist/castle-mount', ['freeze', uuid, device, '1'], {
    input: '',
    encoding: 'utf8',
  });
  return stdout === 'freeze 16\n';
}

/** The pid of the castle-mount that has frozen the file system. */
async function watchdog(castle: CastleOnHost): Promise<number> {
  const { pid } = await castle.status();
  return await until('castle-mount freezes', () =>
    childrenOf(pid).find((child) => readFileSync(`/proc/${child}/cmdline`, 'latin1').includes('\0freeze\0')),
  );
}

if (requires(t, root, loopDevices, ...['mkfs.ext4', 'mkfs.xfs'].map(program))) {
  t.test(
    'a castle that is killed at any step of a snapshot leaves a usable volume and no incomplete snapshot',
    { buffered: true },
    (t) =>
      killByTools(t, 'size=16M', [
        ['take', 'cp tries to share blocks', 'cp', 1],
        ['take', 'it is copied while it is written to', 'cp', 2],
        ['take', 'it is frozen', 'castle-mount', 1],
        ['take', 'it is copied while it is frozen', 'cp', 4],
      ]),
  );

  t.test(
    'a castle that is killed at any step of a restore leaves a usable volume, and the restore can be repeated',
    { buffered: true },
    (t) =>
      killByTools(t, 'size=16M', [
        ['restore', 'it is copied', 'cp', 2],
        ['restore', 'it is allocated', 'fallocate', 1],
        ['restore', 'it is checked', 'e2fsck', 1],
        ['restore', 'it gets its UUID', 'tune2fs', 1],
      ]),
  );

  t.test(
    'a castle that is killed at the steps of a restore that only xfs has leaves a usable volume',
    { buffered: true },
    (t) =>
      killByTools(t, 'fs=xfs,size=300M', [
        ['restore', 'its journal is replayed', 'castle-mount', 1],
        ['restore', 'it gets its UUID', 'xfs_admin', 1],
      ]),
  );

  t.test(
    'a frozen file system is thawed when the castle or castle-mount ends',
    { buffered: true },
    async (t) => {
      const host = await begin(t);
      const { tools, castle, container } = host;
      const canWrite = async (what: string) => {
        await container.write(join(container.home, 'data'), `${what}\n`);
        t.match(await container.read(join(container.home, 'data')), new RegExp(`${what}\n$`), what);
      };

      let taking = beginHeldSnapshot(host);
      await tools.untilHeld();
      t.ok(isFrozen(castle), 'the file system is frozen');
      t.match(await snapshotsOf(castle), [{ state: 'freezing' }], 'the state is recorded');
      await castle.end('SIGKILL');
      await canWrite('the castle is killed, and only castle-mount runs');
      tools.letGo();
      await taking;
      await castle.serve();
      t.same(await snapshotsOf(castle), [], 'the incomplete snapshot is not listed');

      taking = beginHeldSnapshot(host);
      await tools.untilHeld();
      process.kill(await watchdog(castle), 'SIGKILL');
      await canWrite('castle-mount is killed, and the castle still runs');
      tools.letGo();
      t.match(await taking, { status: 503, text: /was frozen for 10 s, the limit/ });
      t.same([await snapshotsOf(castle), unfinished(castle)], [[], []]);

      taking = beginHeldSnapshot(host);
      await tools.untilHeld();
      const [{ pid }, helper] = [await castle.status(), await watchdog(castle)];
      process.kill(pid, 'SIGSTOP');
      process.kill(helper, 'SIGKILL');
      await castle.end('SIGKILL');
      t.ok(isFrozen(castle), 'with both killed, the file system stays frozen');
      tools.letGo();
      await taking;
      await castle.serve();
      await canWrite('the next castle has found it in its journal');
      t.same([await snapshotsOf(castle), unfinished(castle)], [[], []]);

      taking = beginHeldSnapshot(host);
      await tools.untilHeld();
      const [again, helperAgain] = [await castle.status(), await watchdog(castle)];
      process.kill(again.pid, 'SIGSTOP');
      process.kill(helperAgain, 'SIGKILL');
      await castle.end('SIGKILL');
      await container.kill();
      t.equal(
        loopsOf(castle.backend).length,
        1,
        'with the container killed too, the frozen file system keeps its device',
      );
      tools.letGo();
      await taking;
      await castle.serve();
      await untilNoLoops(castle.backend);
      t.equal(fsck(imageOf(castle.backend, 'main')), 0);
      const next = await TestContainer.start(t, castle);
      t.equal((await next.lease('main')).status, 201, 'the next container gets the volume');
      t.match(await next.read(join(next.home, 'data')), /the next castle has found it in its journal\n$/);
    },
  );

  t.test('no file system stays frozen for longer than --freeze-limit', { buffered: true }, async (t) => {
    const host = await begin(t, 'size=16M', '--freeze-limit', '1s');
    const { tools, castle, container } = host;
    let taking = beginHeldSnapshot(host);
    await tools.untilHeld();
    await until('the file system is thawed while the copy continues', () => !isFrozen(castle) || undefined);
    await container.write(join(container.home, 'data'), 'second\n');
    tools.letGo();
    t.match(await taking, {
      status: 503,
      text: /was frozen for 1 s, the limit.*raise --freeze-limit/,
    });
    t.same([await snapshotsOf(castle), unfinished(castle)], [[], []]);

    tools.order('cp', 2, 'hold');
    taking = order(castle, '/v1/snapshots', { volume: 'main' });
    await tools.untilHeld();
    t.notOk(isFrozen(castle), 'the first copy is made without a freeze');
    t.match(
      await taking,
      { status: 503, text: /would be frozen for more than 1 s/ },
      'the file system is never frozen',
    );
    tools.letGo();
    t.same([await snapshotsOf(castle), unfinished(castle)], [[], []]);
    t.match(castle.eventsNamed('snapshot.failed').length, 2);
    t.match(await taken(castle, 'main'), /^[0-9a-f-]{36}$/, 'the next snapshot succeeds');
  });
}
