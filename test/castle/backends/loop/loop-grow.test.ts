/** Growing volumes, in use and unused. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../../kit/docker.ts';
import { temporaryFolder } from '../../../kit/images.ts';
import { program, requires, root } from '../../../kit/needs.ts';
import { CastleOnHost } from '../../kit/castle-on-host.ts';
import { mounted } from '../../kit/mounted.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { grow, testGrowth } from '../grow-volume.ts';
import { checksumOf, ext4Grows, imageOf, loopDevices, untilNoLoops } from './loop-host.ts';

if (requires(t, root, loopDevices, program('mkfs.ext4'), program('mkfs.xfs'))) {
  testGrowth(t, 'xfs', [300, 400, 500]);
  if (ext4Grows()) testGrowth(t, 'ext4', [16, 64, 96]);

  if (!ext4Grows()) {
    t.test('without CAP_SYS_RESOURCE neither an ext4 nor its image grows', async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { loop: 'size=16M' });
      const container = await TestContainer.start(t, castle);
      await container.lease('main');
      t.match(await grow(castle, 'main', '64M'), {
        code: 69,
        stderr: /ext4 grows only with CAP_SYS_RESOURCE/,
      });
      t.equal(statSync(imageOf(castle.backend, 'main')).size, 16 * 2 ** 20);
    });
  }

  t.test('impossible growth is refused and changes nothing', async (t) => {
    const volumes = join(temporaryFolder(t, 'full'), 'volumes');
    mkdirSync(volumes);
    mounted(t, volumes, '-t', 'tmpfs', '-o', 'size=340M', 'volumes');
    const castle = await CastleOnHost.start(t, 'process', { loop: 'fs=xfs,size=300M', backend: volumes });
    const container = await TestContainer.start(t, castle);
    const { id } = (await container.lease('main')).body;
    await container.call('DELETE', `/v1/leases/${id}`);
    await untilNoLoops(volumes);
    const image = imageOf(volumes, 'main');
    const sum = checksumOf(image);
    t.match(await grow(castle, 'main', '1G'), { code: 69, stderr: /cannot grow: .*No space left/ });
    t.equal(checksumOf(image), sum, 'the image is unchanged');
    t.match(await grow(castle, 'other', '1G'), { code: 64, stderr: /there is no volume other/ });
    t.match(await grow(castle, '../main', '1G'), { code: 64, stderr: /volume name/ });
    const without = await run(process.execPath, ['dist/castle.js', 'volume', 'grow', 'main']);
    t.match(without, {
      code: 64,
      stderr: /missing required argument 'size'; for usage, run: castle volume grow --help/,
    });
    t.match(await grow(castle, 'main', '1'), { code: 64, stderr: /1 is not a size/ });
    const asked = await container.call('POST', '/v1/volumes/main/size', { sizeBytes: 2 ** 25 });
    t.match(
      asked,
      { status: 403, body: { error: { code: 'not_permitted' } } },
      'a container is not permitted to grow',
    );
    t.equal((await container.lease('main')).status, 201);

    const folders = await CastleOnHost.start(t, 'process');
    const owner = await TestContainer.start(t, folders);
    await owner.lease('main');
    t.match(await grow(folders, 'main', '1G'), { code: 64, stderr: /share one disk and have no size/ });
  });
}
