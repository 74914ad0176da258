/** Deleted volumes of the backend loop: kept and restored without changes, and never deleted while in use. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Ran, run } from '../../../kit/docker.ts';
import { program, requires, root } from '../../../kit/needs.ts';
import { until } from '../../../kit/until.ts';
import { CastleOnHost, type Places } from '../../kit/castle-on-host.ts';
import { mounted } from '../../kit/mounted.ts';
import { TestContainer } from '../../kit/test-container.ts';
import { checksumOf, imageOf, loopDevices, untilNoLoops } from './loop-host.ts';

t.setTimeout(0);

const volume = (castle: CastleOnHost, ...args: readonly string[]): Promise<Ran> =>
  run(process.execPath, ['dist/castle.js', 'volume', ...args, '--socket', castle.socket]);
const listed = async (castle: CastleOnHost, path: string) =>
  (JSON.parse((await castle.get(path)).text) as { readonly name: string }[]).map(({ name }) => name);
const names = (castle: CastleOnHost) => listed(castle, '/v1/volumes');
const deleted = (castle: CastleOnHost) => listed(castle, '/v1/volumes/deleted');
const images = (castle: CastleOnHost) => readdirSync(castle.backend).filter((name) => !name.startsWith('.'));
const inTrash = (castle: CastleOnHost) =>
  existsSync(join(castle.backend, '.trash')) ? readdirSync(join(castle.backend, '.trash')) : [];

const start = (t: Test, places: Places = {}) =>
  CastleOnHost.start(t, 'process', { loop: 'size=16M', ...places });

/** Creates an unused volume with data. */
async function filled(t: Test, castle: CastleOnHost, name: string, data: string): Promise<void> {
  const container = await TestContainer.start(t, castle);
  await container.lease(name);
  await container.write(join(container.home, 'data'), data);
  await container.kill();
  await castle.untilFree(name);
  await untilNoLoops(castle.backend);
}

/** The data that a container reads from a volume. */
async function found(t: Test, castle: CastleOnHost, name: string): Promise<string> {
  const container = await TestContainer.start(t, castle);
  await container.lease(name);
  const data = await container.read(join(container.home, 'data')).catch(() => 'nothing');
  await container.kill();
  await castle.untilFree(name);
  await untilNoLoops(castle.backend);
  return data;
}

if (requires(t, root, loopDevices, program('mkfs.ext4'), program('strace'))) {
  t.test('a deleted volume is kept and can be restored', async (t) => {
    const castle = await start(t);
    await filled(t, castle, 'main', 'kept');
    const [image = '', checksum] = [images(castle)[0], checksumOf(imageOf(castle.backend, 'main'))];
    t.match(await volume(castle, 'delete', 'main'), { code: 0, stdout: /^volume main is deleted/ });
    t.same([await names(castle), await deleted(castle), images(castle)], [[], ['main'], []]);
    const [kept = ''] = inTrash(castle);
    t.match(kept, new RegExp(`^${image.replace(/\.ext4$/, '')}@[0-9a-f-]{36}\\.ext4$`));
    t.match(await volume(castle, 'restore', 'main'), { code: 0, stdout: 'volume main is restored\n' });
    t.same([await names(castle), await deleted(castle), images(castle)], [['main'], [], [image]]);
    t.equal(checksumOf(imageOf(castle.backend, 'main')), checksum, 'the image is unchanged');
    t.equal(await found(t, castle, 'main'), 'kept', 'a container reads the data of the restored volume');
    const [id] = JSON.parse((await castle.get('/v1/volumes')).text) as { readonly id: string }[];
    t.match(image, `main@${id?.id}`, 'the restored volume has the same id');
  });

  t.test('a volume in use anywhere is not deleted', async (t) => {
    const castle = await start(t);
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    await container.write(join(container.home, 'data'), 'kept');
    t.match(await volume(castle, 'delete', 'main'), {
      code: 75,
      stderr: /^castle: volume main is in use by/,
    });
    await castle.end('SIGKILL');
    castle.loseState();
    await castle.serve();
    t.match(
      await volume(castle, 'delete', 'main'),
      { code: 75, stderr: /is mounted on .*\/home / },
      'a volume in use is not deleted after the state is lost',
    );
    await container.kill();
    await untilNoLoops(castle.backend);

    const image = imageOf(castle.backend, 'main');
    const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
    t.teardown(() => run('losetup', ['--detach', device]));
    t.match(
      await volume(castle, 'delete', 'main'),
      { code: 75, stderr: new RegExp(`attached to ${device}, and not by`) },
      'an image that a process of the host has attached is not deleted',
    );
    const folder = join(castle.socketFolder, 'elsewhere');
    mkdirSync(folder);
    const umount = mounted(t, folder, device);
    t.match(await volume(castle, 'delete', 'main'), { code: 75, stderr: /is mounted on .*elsewhere/ });
    umount();
    execFileSync('losetup', ['--detach', device]);
    await untilNoLoops(castle.backend);
    t.equal((await volume(castle, 'delete', 'main')).code, 0);
    await volume(castle, 'restore', 'main');
    t.equal(await found(t, castle, 'main'), 'kept');
  });

  t.test(
    'several deleted volumes with the same name can be restored, also after the state is lost',
    async (t) => {
      const castle = await start(t);
      for (const life of ['first', 'second']) {
        await filled(t, castle, 'main', life);
        t.equal((await volume(castle, 'delete', 'main')).code, 0, life);
      }
      await volume(castle, 'create', 'main');
      t.match(await volume(castle, 'restore', 'main'), {
        code: 75,
        stderr: /volume main exists again; delete that/,
      });
      await volume(castle, 'delete', 'main');
      await castle.end('SIGTERM');
      castle.loseState();
      await castle.serve();
      t.same(
        await deleted(castle),
        ['main', 'main', 'main'],
        'the deleted volumes are found after the state is lost',
      );
      const contents = new Set<string>();
      for (let n = 0; n < 3; n++) {
        t.equal((await volume(castle, 'restore', 'main')).code, 0);
        contents.add(await found(t, castle, 'main'));
        // Rename the restored volume, so that the next one of the same name can be restored.
        renameSync(imageOf(castle.backend, 'main'), join(castle.socketFolder, `image-${n}`));
        await castle.end('SIGTERM');
        castle.loseState();
        await castle.serve();
      }
      t.same([...contents].sort(), ['first', 'nothing', 'second'], 'all three are complete');
    },
  );

  t.test('a deleted volume is purged after the retention time, but never while it is mounted', async (t) => {
    const castle = await start(t, { options: ['--keep-deleted', '1s'] });
    await filled(t, castle, 'main', 'gone');
    await volume(castle, 'delete', 'main');
    await until('the volume is purged', () => castle.eventsNamed('volume.purged')[0]);
    t.same([await deleted(castle), inTrash(castle)], [[], []]);
    await castle.end('SIGTERM');

    const patient = await start(t);
    await filled(t, patient, 'other', 'in use');
    await volume(patient, 'delete', 'other');
    const image = join(patient.backend, '.trash', inTrash(patient)[0] ?? '');
    const elsewhere = join(patient.socketFolder, 'elsewhere');
    mkdirSync(elsewhere);
    mounted(t, elsewhere, '-o', 'loop', image);
    await patient.end('SIGTERM');
    const eager = await start(t, {
      backend: patient.backend,
      state: patient.state,
      options: ['--keep-deleted', '0'],
    });
    await until('the castle tried to purge the volume', () => eager.eventsNamed('volume.unresolved')[0]);
    t.match(eager.eventsNamed('volume.unresolved'), [
      { message: /could not be removed: .*is mounted on .*elsewhere/ },
    ]);
    t.ok(existsSync(image), 'a mounted volume is not removed');
  });
}
