/** Whose files are whose: a container's user sees as its own what somebody else owns on the disk. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { compile } from '../../kit/compile.ts';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import { CastleOnHost, type Places } from '../kit/castle-on-host.ts';
import { mounted } from '../kit/mounted.ts';
import { TestContainer } from '../kit/test-container.ts';

const [disk, user] = [1234, 1000];

const create = (castle: CastleOnHost, volume: string, owner = `${disk}:${disk}`) =>
  run(process.execPath, [
    ...['dist/castle.js', 'volume', 'create', volume, '--owner', owner, '--socket', castle.socket],
  ]);

/** The owner of a file as a container sees it. */
async function ownerOf(container: TestContainer, file = container.home): Promise<string> {
  return (await container.run('stat', '-c', '%u:%g', file)).stdout.trim();
}

/** The owner of a file on the disk. */
function onDisk(castle: CastleOnHost, ...path: readonly string[]): string {
  const { uid, gid } = statSync(join(castle.backend, ...path));
  return `${uid}:${gid}`;
}

/** Does something as the host's root in a container's mount namespace: as its own root, were it another process of it. */
const asRootOf = async (container: TestContainer, ...command: readonly string[]) =>
  execFileSync('nsenter', ['--mount', '--target', String(await container.pid()), ...command]);

/** A folder with a file system of its own. */
function fileSystem(t: Test, type: 'ext4' | 'xfs' | 'btrfs' | 'tmpfs'): string {
  const [folder, image] = [temporaryFolder(t, type), join(temporaryFolder(t, 'image'), 'image')];
  if (type === 'tmpfs') {
    mounted(t, folder, '-t', 'tmpfs', 'volumes');
    return folder;
  }
  execFileSync('truncate', ['--size', '320M', image]);
  execFileSync(`mkfs.${type}`, ['-q', image]);
  mounted(t, folder, '-o', 'loop', image);
  return folder;
}

/** A folder of an overlay. */
function overlay(t: Test): string {
  const [folder, parts] = [temporaryFolder(t, 'overlay'), temporaryFolder(t, 'parts')];
  for (const part of ['lower', 'upper', 'work']) mkdirSync(join(parts, part));
  const options = `lowerdir=${parts}/lower,upperdir=${parts}/upper,workdir=${parts}/work`;
  mounted(t, folder, '-t', 'overlay', '-o', options, 'volumes');
  return folder;
}

const tools = ['mkfs.ext4', 'mkfs.xfs', 'mkfs.btrfs'].map(program);
if (requires(t, root, loopDevices, ...tools)) {
  const kinds: readonly (readonly [string, (t: Test) => Places])[] = [
    ...(['ext4', 'xfs', 'btrfs', 'tmpfs'] as const).map(
      (type) => [`a folder on ${type}`, (t: Test) => ({ backend: fileSystem(t, type) })] as const,
    ),
    ['an image with ext4', () => ({ loop: 'size=16M' })],
    ['an image with xfs', () => ({ loop: 'fs=xfs,size=300M' })],
  ];
  for (const [kind, places] of kinds) {
    t.test(`${kind}: what the volume's owner has is the container's user's`, async (t) => {
      const castle = await CastleOnHost.start(t, 'process', places(t));
      t.match(await create(castle, 'main'), { code: 0 });
      const container = await TestContainer.start(t, castle, { user });
      t.match(await container.lease('main'), { status: 201 });
      t.equal(await ownerOf(container), `${user}:${user}`);
      const file = join(container.home, 'written');
      await container.write(file, 'by the user');
      t.equal(await ownerOf(container, file), `${user}:${user}`);
      await asRootOf(container, 'touch', join(container.home, 'by-root'));
      t.equal(await ownerOf(container, join(container.home, 'by-root')), '0:0', 'nobody is left out');

      // Root sees it as it is on the disk, beside the other one.
      const looks = await TestContainer.start(t, castle, { labels: { 'castle.readonly': 'true' } });
      t.equal((await looks.lease('main')).status, 201);
      t.equal(await ownerOf(looks), `${disk}:${disk}`);
      t.equal(await ownerOf(looks, join(looks.home, 'written')), `${disk}:${disk}`);
      t.equal(await ownerOf(looks, join(looks.home, 'by-root')), '0:0');
      t.equal(await looks.read(join(looks.home, 'written')), 'by the user');

      await container.kill();
      const owner = await TestContainer.start(t, castle, { user: disk });
      t.equal((await owner.lease('main')).status, 201);
      t.equal(await ownerOf(owner), `${disk}:${disk}`, 'for who owns it, nothing changes');
      await owner.write(join(owner.home, 'written'), ', and by its owner');
      await looks.kill();
      await owner.kill();
      await castle.untilFree('main');
    });
  }

  t.test('a new volume belongs to who asks, and is shown as it is', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle, { user });
    t.equal((await container.lease('new')).status, 201);
    await container.write(join(container.home, 'file'), 'x');
    t.equal(await ownerOf(container), `${user}:${user}`);
    t.equal(onDisk(castle, 'new', 'file'), `${user}:${user}`);
  });

  t.test("what is the host's root's is not given to a user", async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    mkdirSync(join(castle.backend, 'prepared'));
    const container = await TestContainer.start(t, castle, { user });
    t.equal((await container.lease('prepared')).status, 201);
    t.equal(await ownerOf(container), '0:0');
    await t.rejects(container.write(join(container.home, 'file'), 'x'), /EACCES/);
  });

  t.test('the label castle.idmap says which ids on the disk are which in the container', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const idmap = (label: string) => ({ user, labels: { 'castle.idmap': label } });
    const container = await TestContainer.start(t, castle, idmap('100000:0:65536'));
    t.equal((await container.lease('main')).status, 201);
    t.equal(await ownerOf(container), `${user}:${user}`);
    await container.write(join(container.home, 'file'), 'x');
    t.equal(onDisk(castle, 'main', 'file'), '101000:101000');
    await asRootOf(container, 'touch', join(container.home, 'by-root'));
    t.equal(onDisk(castle, 'main', 'by-root'), '100000:100000');
    await container.kill();
    const plain = await TestContainer.start(t, castle, idmap('off'));
    t.equal((await plain.lease('main')).status, 201);
    t.equal(await ownerOf(plain), '101000:101000');
    for (const label of ['', 'on', '1:2', '1:2:0', '0:0:10,5:20:10', '0:0:10,20:5:10', '0:4294967290:10']) {
      const refused = await (await TestContainer.start(t, castle, idmap(label))).lease('other');
      t.match(refused, { status: 403, body: { error: { message: /label castle.idmap=/ } } }, label);
    }
    const left = await (await TestContainer.start(t, castle, idmap('5000:2000:1'))).lease('other');
    t.match(left, { status: 403, body: { error: { message: /does not map 1000:1000, the user/ } } });
    t.same(
      (await castle.ask('volumes')).map(({ name }) => name),
      ['main'],
      'and no volume was made',
    );
  });

  t.test('where the file system cannot map ids, the root folder of a new volume is enough', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { backend: overlay(t) });
    const ordered = { user, labels: { 'castle.idmap': '100000:0:65536' } };
    const container = await TestContainer.start(t, castle, ordered);
    t.equal((await container.lease('new')).status, 201);
    t.equal(await ownerOf(container), `${user}:${user}`);
    await container.write(join(container.home, 'file'), 'x');
    t.equal(onDisk(castle, 'new', 'file'), `${user}:${user}`);
    t.match(castle.told('mount.idmap-failed'), [{ volume: 'new', code: 'EINVAL', level: 'warn' }]);
    await container.kill();
    const again = await TestContainer.start(t, castle, ordered);
    t.equal((await again.lease('new')).status, 201, 'as often as it asks');
    t.equal(await ownerOf(again), `${user}:${user}`);

    t.match(await create(castle, 'there'), { code: 0 });
    const refused = await (await TestContainer.start(t, castle, ordered)).lease('there');
    t.match(refused, { status: 503, body: { error: { message: /cannot be mapped as the label/ } } });
    const plain = await TestContainer.start(t, castle, { user });
    t.equal((await plain.lease('there')).status, 201);
    t.equal(await ownerOf(plain), `${disk}:${disk}`);
    t.equal(onDisk(castle, 'there'), `${disk}:${disk}`, 'what is there never gets another owner');
  });

  t.test('a container with a user namespace of its own sees what others wrote as they do', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [inNamespace] = compile(t, 'test/castle/mounting/in-user-namespace.c');
    const remapped = (uid: number) => ({ under: [inNamespace as string, '300000', String(uid)] });
    const plain = await TestContainer.start(t, castle, { user });
    t.equal((await plain.lease('main')).status, 201);
    await plain.write(join(plain.home, 'file'), 'from outside');
    await plain.kill();
    const container = await TestContainer.start(t, castle, remapped(user));
    t.equal((await container.lease('main')).status, 201);
    t.equal(await ownerOf(container, join(container.home, 'file')), `${user}:${user}`);
    await container.write(join(container.home, 'file'), ', and from inside');
    t.equal(onDisk(castle, 'main', 'file'), `${user}:${user}`);
    await container.kill();
    const root = await TestContainer.start(t, castle, remapped(0));
    t.equal((await root.lease('main')).status, 201);
    await root.write(join(root.home, 'by-root'), 'x');
    t.equal(await ownerOf(root, join(root.home, 'by-root')), '0:0');
    t.equal(onDisk(castle, 'main', 'by-root'), '300000:300000', "never the host's root");
    t.equal(await root.read(join(root.home, 'file')), 'from outside, and from inside');
    await root.kill();

    const first = await TestContainer.start(t, castle, remapped(user));
    t.equal((await first.lease('own')).status, 201);
    await first.write(join(first.home, 'file'), 'x');
    t.equal(onDisk(castle, 'own', 'file'), '301000:301000', 'its own volumes stay as they were');
    t.equal(await ownerOf(first), `${user}:${user}`);
  });
}
