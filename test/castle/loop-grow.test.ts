/** Volumes that become larger, while they are in use and while they are not. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { run } from '../kit/docker.ts';
import { temporaryFolder } from '../kit/images.ts';
import { program, requires, root } from '../kit/needs.ts';
import { checksumOf, ext4Grows, fsck, imageOf, loopDevices, untilNoLoops } from './loop-host.ts';
import { mounted } from './mounted.ts';
import { Tenant } from './tenant.ts';

const grow = (castle: CastleOnHost, volume: string, size: string) =>
  run(process.execPath, ['dist/castle.js', 'volume', 'grow', volume, size, '--socket', castle.socket]);

/** The size of the file system on the tenant's home, in MiB. */
async function megabytes(tenant: Tenant): Promise<number> {
  const { stdout } = await tenant.run('stat', '--file-system', '--format', '%b %S', tenant.home);
  const [blocks = 0, bytes = 0] = stdout.trim().split(' ').map(Number);
  return (blocks * bytes) / 2 ** 20;
}

if (requires(t, root, loopDevices, program('mkfs.ext4'), program('mkfs.xfs'))) {
  const sizes = [['xfs', 300, 400, 500], ...(ext4Grows() ? [['ext4', 16, 64, 96] as const] : [])] as const;
  for (const [type, small, large, largest] of sizes) {
    t.test(`${type}: a volume grows under the container that uses it, and while nobody does`, async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { loop: `fs=${type},size=${small}M` });
      const tenant = await Tenant.start(t, castle);
      const { id } = (await tenant.lease('main')).body;
      await tenant.write(join(tenant.home, 'data'), 'kept');
      await tenant.hold(join(tenant.home, 'open'));
      const before = await megabytes(tenant);
      t.match(await grow(castle, 'main', `${large}M`), { code: 0, stdout: `volume main has ${large}M\n` });
      const after = await megabytes(tenant);
      t.ok(after > before + (large - small) / 2, `from ${before} to ${after} MiB`);
      t.equal((await grow(castle, 'main', `${large}M`)).code, 0, 'the same again changes nothing');
      t.equal(await megabytes(tenant), after);
      t.match(await grow(castle, 'main', `${small}M`), {
        code: 64,
        stderr: /has .*M already, and volumes never shrink/,
      });
      await tenant.run(
        'dd',
        'if=/dev/urandom',
        `of=${tenant.home}/more`,
        'bs=1M',
        `count=${small + 8}`,
        'conv=fsync',
      );
      const { stdout: sum } = await tenant.run('sha256sum', join(tenant.home, 'more'));
      t.match(await castle.leaseOf('main'), { id, state: 'mounted' });
      await tenant.kill();
      await castle.untilFree('main');
      await untilNoLoops(castle.backend);

      t.equal((await grow(castle, 'main', `${largest}M`)).code, 0, 'in use by nobody');
      const image = imageOf(castle.backend, 'main');
      t.ok(statSync(image).blocks * 512 >= largest * 2 ** 20, 'it has all its space');
      const next = await Tenant.start(t, castle);
      t.equal((await next.lease('main')).status, 201);
      t.ok((await megabytes(next)) > after, 'it takes up its room with the next mount');
      t.equal(await next.read(join(next.home, 'data')), 'kept');
      const again = (await next.run('sha256sum', join(next.home, 'more'))).stdout;
      t.equal(again.split(' ')[0], sum.split(' ')[0]);
      await next.kill();
      await untilNoLoops(castle.backend);
      t.equal(fsck(image), 0);
    });
  }

  if (!ext4Grows()) {
    t.test('without CAP_SYS_RESOURCE an ext4 does not grow, and its image neither', async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { loop: 'size=16M' });
      const tenant = await Tenant.start(t, castle);
      await tenant.lease('main');
      t.match(await grow(castle, 'main', '64M'), {
        code: 69,
        stderr: /ext4 grows for CAP_SYS_RESOURCE only/,
      });
      t.equal(statSync(imageOf(castle.backend, 'main')).size, 16 * 2 ** 20);
    });
  }

  t.test('growing is refused where it cannot be, and nothing changes', async (t) => {
    const volumes = join(temporaryFolder(t, 'full'), 'volumes');
    mkdirSync(volumes);
    mounted(t, volumes, '-t', 'tmpfs', '-o', 'size=340M', 'volumes');
    const castle = await CastleOnHost.start(t, 'process', { loop: 'fs=xfs,size=300M', backend: volumes });
    const tenant = await Tenant.start(t, castle);
    const { id } = (await tenant.lease('main')).body;
    await tenant.call('DELETE', `/v1/leases/${id}`);
    await untilNoLoops(volumes);
    const image = imageOf(volumes, 'main');
    const sum = checksumOf(image);
    t.match(await grow(castle, 'main', '1G'), { code: 69, stderr: /cannot grow: .*No space left/ });
    t.equal(checksumOf(image), sum, 'the image is as it was');
    t.match(await grow(castle, 'other', '1G'), { code: 64, stderr: /there is no volume other/ });
    t.match(await grow(castle, '../main', '1G'), { code: 64, stderr: /volume name/ });
    const without = await run(process.execPath, ['dist/castle.js', 'volume', 'grow', 'main']);
    t.match(without, { code: 64, stderr: /missing required argument 'size'; try castle volume grow --help/ });
    t.match(await grow(castle, 'main', '1'), { code: 64, stderr: /1 is not a size/ });
    const asked = await tenant.call('POST', '/v1/volumes/main/size', { sizeBytes: 2 ** 25 });
    t.match(asked, { status: 403, body: { error: { code: 'not_permitted' } } }, 'not for a container');
    t.equal((await tenant.lease('main')).status, 201);

    const folders = await CastleOnHost.start(t, 'process');
    const owner = await Tenant.start(t, folders);
    await owner.lease('main');
    t.match(await grow(folders, 'main', '1G'), { code: 64, stderr: /has no size of its own/ });
  });
}
