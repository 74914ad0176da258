import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { run } from '../../kit/docker.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';
import { fsck, imageOf, untilNoLoops } from './loop/loop-host.ts';

/** Grows a volume with `castle volume grow`. @param size as the command takes it, such as `64M` */
export const grow = (castle: CastleOnHost, volume: string, size: string) =>
  run(process.execPath, ['dist/castle.js', 'volume', 'grow', volume, size, '--socket', castle.socket]);

/** The size of the file system mounted on the container's home, in MiB. */
async function megabytes(container: TestContainer): Promise<number> {
  const { stdout } = await container.run('stat', '--file-system', '--format', '%b %S', container.home);
  const [blocks = 0, bytes = 0] = stdout.trim().split(' ').map(Number);
  return (blocks * bytes) / 2 ** 20;
}

/**
 * Tests that a file system can grow twice: once while a container uses it, and once while it is unused.
 * @param sizes the first, second and last size, in MiB
 */
export function testGrowth(
  t: Test,
  type: 'xfs' | 'ext4',
  [small, large, largest]: readonly [number, number, number],
): void {
  t.test(`${type}: a volume grows while a container uses it, and while it is unused`, async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { loop: `fs=${type},size=${small}M` });
    const container = await TestContainer.start(t, castle);
    const { id } = (await container.lease('main')).body;
    await container.write(join(container.home, 'data'), 'kept');
    await container.hold(join(container.home, 'open'));
    const before = await megabytes(container);
    t.match(await grow(castle, 'main', `${large}M`), {
      code: 0,
      stdout: `the size of volume main is ${large}M\n`,
    });
    const after = await megabytes(container);
    t.ok(after > before + (large - small) / 2, `from ${before} to ${after} MiB`);
    t.equal((await grow(castle, 'main', `${large}M`)).code, 0, 'the same size again changes nothing');
    t.equal(await megabytes(container), after);
    t.match(await grow(castle, 'main', `${small}M`), {
      code: 64,
      stderr: /cannot shrink: its size is .*M/,
    });
    await container.run(
      'dd',
      'if=/dev/urandom',
      `of=${container.home}/more`,
      'bs=1M',
      `count=${small + 8}`,
      'conv=fsync',
    );
    const { stdout: sum } = await container.run('sha256sum', join(container.home, 'more'));
    t.match(await castle.leaseOf('main'), { id, state: 'mounted' });
    await container.kill();
    await castle.untilFree('main');
    await untilNoLoops(castle.backend);

    t.equal((await grow(castle, 'main', `${largest}M`)).code, 0, 'an unused volume grows');
    const image = imageOf(castle.backend, 'main');
    t.ok(statSync(image).blocks * 512 >= largest * 2 ** 20, 'the image is fully allocated');
    const next = await TestContainer.start(t, castle);
    t.equal((await next.lease('main')).status, 201);
    t.ok((await megabytes(next)) > after, 'the file system grows with the next mount');
    t.equal(await next.read(join(next.home, 'data')), 'kept');
    const again = (await next.run('sha256sum', join(next.home, 'more'))).stdout;
    t.equal(again.split(' ')[0], sum.split(' ')[0]);
    await next.kill();
    await untilNoLoops(castle.backend);
    t.equal(fsck(image), 0);
  });
}
