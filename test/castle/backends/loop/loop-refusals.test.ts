/** Refusals of the backend loop: too little space, and invalid images. No existing image is ever formatted. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../../../kit/docker.ts';
import { temporaryFolder } from '../../../kit/images.ts';
import { program, requires, root } from '../../../kit/needs.ts';
import { CastleOnHost } from '../../kit/castle-on-host.ts';
import { mounted } from '../../kit/mounted.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { checksumOf, imageOf, loopDevices, loopsOf, untilNoLoops } from './loop-host.ts';

const loop = 'size=16M';

/** A castle with unused volumes, each with a file that contains the volume's name, and a container. */
async function withVolumes(t: Test, ...volumes: readonly string[]): Promise<[CastleOnHost, TestContainer]> {
  const castle = await CastleOnHost.start(t, 'process', { loop });
  const container = await TestContainer.start(t, castle);
  for (const volume of volumes) {
    const { id } = (await container.lease(volume)).body;
    await container.write(join(container.home, 'data'), volume);
    await container.call('DELETE', `/v1/leases/${id}`);
  }
  await untilNoLoops(castle.backend);
  return [castle, container];
}

function overwrite(image: string, at: number, bytes: Buffer): void {
  const fd = openSync(image, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

const refusedWith = (sentence: RegExp) => ({
  status: 503,
  body: { error: { code: 'backend_failed', message: sentence, remedy: String } },
});

if (requires(t, root, loopDevices, program('mkfs.ext4'), program('losetup'))) {
  t.test(
    'a volume created by command is neither deleted in use nor confused with another backend',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { loop });
      const order = (of: CastleOnHost, ...args: readonly string[]) =>
        run(process.execPath, ['dist/castle.js', 'volume', ...args, '--socket', of.socket]);
      t.match(await order(castle, 'create', 'main', '--size', '24M'), { code: 0, stdout: /is created/ });
      t.match(await order(castle, 'create', 'other', '--size', 'large'), {
        code: 64,
        stderr: /is not a size/,
      });
      const image = imageOf(castle.backend, 'main');
      t.equal(statSync(image).size, 24 * 2 ** 20);
      const container = await TestContainer.start(t, castle);
      const { id } = (await container.lease('main')).body;
      await container.write(join(container.home, 'data'), 'kept');
      t.match(await order(castle, 'delete', 'main'), { code: 75, stderr: /is in use by/ });
      await container.call('DELETE', `/v1/leases/${id}`);
      await untilNoLoops(castle.backend);
      const checksum = checksumOf(image);
      await castle.end('SIGTERM');

      const folders = await CastleOnHost.start(t, 'process', { state: castle.state });
      mkdirSync(join(folders.backend, 'main'));
      for (const what of ['delete', 'restore', 'create']) {
        t.match(await order(folders, what, 'main'), {
          code: 69,
          stderr: /main is in the backend loop, but/,
        });
      }
      t.same(readdirSync(folders.backend), ['main'], 'a folder of the same name is not touched');
      t.match(await folders.ask('volumes'), [{ name: 'main', backend: 'loop', state: 'ready' }]);
      await folders.end('SIGTERM');
      t.equal(checksumOf(image), checksum);
    },
  );

  t.test('a damaged, wrong or swapped file system is refused and not changed', async (t) => {
    const [castle, container] = await withVolumes(t, 'one', 'two');
    const images = [imageOf(castle.backend, 'one'), imageOf(castle.backend, 'two')] as const;
    const whole = join(temporaryFolder(t, 'whole'), 'image');
    copyFileSync(images[0], whole);
    const damages: [string, RegExp, () => void][] = [
      [
        'no superblock',
        /first superblock of .* damaged/,
        () => overwrite(images[0], 1024, Buffer.alloc(1024)),
      ],
      ['nothing at all', /first superblock of .* damaged/, () => writeFileSync(images[0], Buffer.alloc(0))],
      [
        'zeroes',
        /first superblock of .* damaged/,
        () => writeFileSync(images[0], Buffer.alloc(16 * 2 ** 20)),
      ],
      ['another UUID', /images were exchanged/, () => execFileSync('mkfs.ext4', ['-q', '-F', images[0]])],
      // A wrong checksum, which neither e2fsck -p nor the kernel accepts.
      ['a wrong superblock', /is damaged/, () => overwrite(images[0], 1024 + 120, Buffer.from('wrong'))],
      ['cut off', /is truncated/, () => execFileSync('truncate', ['-s', '8M', images[0]])],
    ];
    for (const [name, sentence, damage] of damages) {
      damage();
      const before = checksumOf(images[0]);
      t.match(await container.lease('one'), refusedWith(sentence), name);
      t.equal(checksumOf(images[0]), before, `${name}: the image is unchanged`);
      t.same(await container.mounts(container.home), []);
      t.same(loopsOf(castle.backend), [], `${name}: no loop device is left`);
      copyFileSync(whole, images[0]);
    }

    const aside = join(castle.backend, 'aside');
    renameSync(images[0], aside);
    renameSync(images[1], images[0]);
    renameSync(aside, images[1]);
    const sums = images.map(checksumOf);
    for (const volume of ['one', 'two']) {
      t.match(await container.lease(volume), refusedWith(/images were exchanged/), `${volume}, exchanged`);
    }
    t.same(images.map(checksumOf), sums, 'the swapped images are unchanged');
    await castle.end('SIGKILL');
    castle.loseState();
    await castle.serve();
    t.match(
      await container.lease('one'),
      refusedWith(/images were exchanged/),
      'swapped images are also refused after the store is lost',
    );

    renameSync(images[0], aside);
    renameSync(images[1], images[0]);
    renameSync(aside, images[1]);
    t.equal((await container.lease('one')).status, 201, 'accepted after they are swapped back');
    t.equal(await container.read(join(container.home, 'data')), 'one');
  });

  t.test('another file in place of an image is refused, and a lost image is not replaced', async (t) => {
    const [castle, container] = await withVolumes(t, 'one', 'two');
    const image = imageOf(castle.backend, 'one');
    const away = join(temporaryFolder(t, 'away'), basename(image));
    renameSync(image, away);
    t.match(await container.lease('one'), refusedWith(/missing from the/), 'a lost image');
    symlinkSync(imageOf(castle.backend, 'two'), image);
    t.match(await container.lease('one'), refusedWith(/not a file/), 'a symlink in place of the image');
    rmSync(image);
    mkdirSync(image);
    t.match(await container.lease('one'), refusedWith(/not a file/), 'a folder in place of the image');
    rmSync(image, { recursive: true });
    const other = image.replace(/@.{8}/, '@00000000');
    copyFileSync(away, other);
    t.match(
      await container.lease('one'),
      refusedWith(/store has the id .*, but the backend has 00000000-/),
      'an image with another id',
    );
    copyFileSync(away, image);
    t.match(await container.lease('one'), refusedWith(/has 2 images/), 'two images of one volume');
    rmSync(other);
    t.equal((await container.lease('one')).status, 201, 'the original image is accepted');
  });

  t.test('an image in use by another program is refused', async (t) => {
    const [castle, container] = await withVolumes(t, 'one');
    const image = imageOf(castle.backend, 'one');
    const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
    t.teardown(() => run('losetup', ['--detach', device]));
    const inUse = { status: 409, body: { error: { code: 'volume_in_use', holder: 'the host' } } };
    t.match(await container.lease('one'), inUse, 'an image attached to another loop device is refused');
    const folder = temporaryFolder(t, 'by-hand');
    const umount = mounted(t, folder, device);
    t.match(await container.lease('one'), inUse, 'an image mounted on the host is refused');
    umount();
    execFileSync('losetup', ['--detach', device]);
    t.equal((await container.lease('one')).status, 201);
    t.equal(
      (await run('flock', ['--nonblock', image, 'true'])).code,
      1,
      'a mount keeps the lock of its image',
    );
    await container.kill();
    await castle.untilFree('one');
    await untilNoLoops(castle.backend);
    t.equal((await run('flock', ['--nonblock', image, 'true'])).code, 0, 'the lock is released');
  });

  t.test('a failed creation, on a full disk or for a wrong mount point, leaves no volume', async (t) => {
    const volumes = join(temporaryFolder(t, 'full'), 'volumes');
    mkdirSync(volumes);
    mounted(t, volumes, '-t', 'tmpfs', '-o', 'size=40M', 'volumes');
    const castle = await CastleOnHost.start(t, 'process', { loop, backend: volumes });
    const container = await TestContainer.start(t, castle);
    t.match(await container.lease('slip', join(container.home, 'missing')), { status: 422 });
    t.same(readdirSync(volumes), [], 'a wrong mount point leaves no volume');
    t.same(await castle.ask('volumes'), []);
    const targets = ['a', 'b', 'c'].map((name) => join(container.home, name)) as [string, string, string];
    for (const target of targets) mkdirSync(target);
    t.equal((await container.lease('a', targets[0])).status, 201);
    t.equal((await container.lease('b', targets[1])).status, 201);
    t.match(await container.lease('c', targets[2]), refusedWith(/cannot be created.*No space left/));
    t.equal(readdirSync(volumes).length, 2, 'the failed creation leaves nothing');
    t.equal((await castle.ask('volumes')).length, 2);
    // Fill the volume completely: the disk is full, but the space of every image is reserved.
    await t.rejects(container.run('dd', 'if=/dev/urandom', `of=${targets[0]}/all`, 'bs=1M', 'conv=fsync'));
    const sum = await container.run('sha256sum', join(targets[0], 'all'));
    await container.kill();
    await untilNoLoops(volumes);
    const next = await TestContainer.start(t, castle);
    t.equal((await next.lease('a')).status, 201);
    const again = await next.run('sha256sum', join(next.home, 'all'));
    t.equal(again.stdout.split(' ')[0], sum.stdout.split(' ')[0], 'the written data is intact');
  });

  t.test('wrong settings of --backend are errors, and nothing is changed', async (t) => {
    const folder = temporaryFolder(t, 'settings');
    const wrong: [string, number, RegExp][] = [
      ['loop=', 64, /is not a backend; use local=DIR, loop=DIR/],
      ['loop=,size=1G', 64, /loop needs a folder/],
      ['loop=DIR,fs=ntfs', 64, /no option "fs=ntfs"/],
      ['loop=DIR,size=10', 64, /no option "size=10"/],
      ['loop=DIR,size=-1G', 64, /no option "size=-1G"/],
      ['loop=DIR,size=1M', 64, /1M is too small for ext4; use size=16M/],
      ['loop=DIR,fs=xfs,size=100M', 64, /100M is too small for xfs; use size=300M/],
      ['loop=DIR,toString', 64, /no option "toString"/],
      ['loop=FILE', 73, /cannot be used/],
    ];
    writeFileSync(join(folder, 'file'), '');
    for (const [text, code, stderr] of wrong) {
      const backend = text.replace('DIR', join(folder, 'volumes')).replace('FILE', join(folder, 'file'));
      const places = ['--socket', join(folder, 'castle.sock'), '--state', join(folder, 'state')];
      const ended = await run(process.execPath, [
        ...['dist/castle.js', 'serve', ...places, '--backend', backend, '--runtime', 'process'],
      ]);
      t.match(ended, { code, stderr }, text);
    }
    t.same(readdirSync(folder), ['file']);
  });
}
