/**
 * A castle is killed at each tool that it runs; the tool may continue as an orphan. Afterwards no data is lost, nothing is
 * mounted twice, and no garbage remains. test/castle/crash/kill-anywhere.test.ts covers the castle's own steps.
 */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { program, requires, root } from '../../../kit/needs.ts';
import { ext4, xfs } from '../../crash/crash-backends.ts';
import { type CrashBackend, CrashHarness } from '../../crash/crash-harness.ts';
import { FatalTools, type Moment } from '../../crash/fatal-tools.ts';
import { CastleOnHost } from '../../kit/castle-on-host.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { fsck, imageOf, loopDevices, untilNoLoops } from './loop-host.ts';

t.setTimeout(0);

if (requires(t, root, loopDevices, program('mkfs.ext4'))) {
  t.test(
    'a castle that is killed before, during or after a tool loses no data and leaves no garbage',
    async (t) => {
      await Promise.all([
        killByTools(t, ext4, [
          ['the image is allocated', 'fallocate', 1, 'new'],
          ['it is formatted', 'mkfs.ext4', 1, 'new'],
          ['its holes are filled', 'fallocate', 2, 'new'],
        ]),
        killByTools(t, ext4, [
          ['a new one is checked', 'e2fsck', 1, 'new'],
          ['a new one is mounted', 'castle-mount', 1, 'new'],
        ]),
        killByTools(t, ext4, [
          ['one with data is checked', 'e2fsck', 1, 'old'],
          ['one with data is mounted', 'castle-mount', 1, 'old'],
          ['it is unmounted', 'castle-mount', 1, 'release'],
        ]),
        killByTools(t, xfs, [
          ['an xfs with data is mounted', 'castle-mount', 1, 'old'],
          ['it gets more room', 'fallocate', 1, 'grow'],
          ['its file system grows', 'castle-mount', 1, 'grow'],
        ]),
      ]);
    },
  );

  t.test('a container that is killed with unwritten data leaves a usable file system', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { loop: 'size=64M' });
    for (let round = 0; round < 3; round++) {
      const container = await TestContainer.start(t, castle);
      t.equal((await container.lease('main')).status, 201, `round ${round}`);
      await container.run(
        'sh',
        '-c',
        `dd if=/dev/urandom of=${container.home}/dirty bs=1M count=40 2>/dev/null`,
      );
      await container.write(join(container.home, `round-${round}`), String(round));
      await Promise.all([container.kill(), castle.end('SIGKILL')]);
      await castle.serve();
    }
    await untilNoLoops(castle.backend);
    t.equal(fsck(imageOf(castle.backend, 'main')), 0);
    const last = await TestContainer.start(t, castle);
    await last.lease('main');
    for (let round = 0; round < 3; round++) {
      t.equal(await last.read(join(last.home, `round-${round}`)), String(round));
    }
  });
}

/** The step, the tool that kills the castle, the number of the call at which it does so, and the operation. */
type ToolStep = readonly [string, string, number, 'new' | 'old' | 'release' | 'grow'];

/** Kills a castle when it runs its tools, three times for each step. */
async function killByTools(t: Test, backend: CrashBackend, steps: readonly ToolStep[]): Promise<void> {
  const tools = new FatalTools(t);
  const harness = await CrashHarness.start(t, backend, tools);
  const { container, castle } = harness;
  t.same(await harness.useAndRelease('old'), []);
  let megabytes = 300;
  for (const [n, [name, tool, call, kind]] of steps.entries()) {
    for (const moment of ['before', 'meanwhile', 'after'] satisfies Moment[]) {
      const volume = kind === 'new' ? `new-${n}-${moment}` : 'old';
      const isLeased = kind === 'release' || kind === 'grow';
      const lease = isLeased ? (await container.lease(volume)).body.id : '';
      const operations = {
        new: () => container.lease(volume),
        old: () => container.lease(volume),
        release: () => container.call('DELETE', `/v1/leases/${lease}`),
        grow() {
          megabytes += 4;
          return harness.request('POST', `/v1/volumes/${volume}/size`, { sizeBytes: megabytes << 20 });
        },
      };
      tools.order(tool, call, moment);
      await operations[kind]();
      t.ok(tools.withdraw(), `killed ${moment}: ${name}`);
      await harness.restart();
      t.same(await harness.useAndRelease(volume), [], `killed ${moment}: ${name}`);
      t.same(await harness.checkContents(), [], `killed ${moment}: ${name}: the backend`);
    }
  }
  t.same(await harness.checkAll(), [], 'all volumes exist at the end');
  for (const volume of harness.volumes)
    t.equal(fsck(imageOf(castle.backend, volume)), 0, `${volume} is sound`);
}
