/** Id mapping: files of the volume's owner on the disk appear as files of the container's user. */
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

/** Runs a command as root of the host in a container's mount namespace. */
const asRootOf = async (container: TestContainer, ...command: readonly string[]) =>
  execFileSync('nsenter', ['--mount', '--target', String(await container.pid()), ...command]);

/** A folder on which a new file system of a type is mounted. */
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

/** A folder on which an overlay is mounted. */
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
    t.test(`${kind}: files of the volume's owner appear as files of the container's user`, async (t) => {
      const castle = await CastleOnHost.start(t, 'process', places(t));
      t.match(await create(castle, 'main'), { code: 0 });
      const container = await TestContainer.start(t, castle, { user });
      t.match(await container.lease('main'), { status: 201 });
      t.equal(await ownerOf(container), `${user}:${user}`);
      const file = join(container.home, 'written');
      await container.write(file, 'by the user');
      t.equal(await ownerOf(container, file), `${user}:${user}`);
      await asRootOf(container, 'touch', join(container.home, 'by-root'));
      t.equal(await ownerOf(container, join(container.home, 'by-root')), '0:0', 'root can write too');

      // A container with root as its user sees the ids on the disk, at the same time.
      const asRoot = await TestContainer.start(t, castle, { labels: { 'castle.readonly': 'true' } });
      t.equal((await asRoot.lease('main')).status, 201);
      t.equal(await ownerOf(asRoot), `${disk}:${disk}`);
      t.equal(await ownerOf(asRoot, join(asRoot.home, 'written')), `${disk}:${disk}`);
      t.equal(await ownerOf(asRoot, join(asRoot.home, 'by-root')), '0:0');
      t.equal(await asRoot.read(join(asRoot.home, 'written')), 'by the user');

      await container.kill();
      const owner = await TestContainer.start(t, castle, { user: disk });
      t.equal((await owner.lease('main')).status, 201);
      t.equal(await ownerOf(owner), `${disk}:${disk}`, 'the owner itself sees its own id');
      await owner.write(join(owner.home, 'written'), ', and by its owner');
      await asRoot.kill();
      await owner.kill();
      await castle.untilFree('main');
    });
  }

  t.test('a new volume belongs to the user that requests it, without id mapping', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle, { user });
    t.equal((await container.lease('new')).status, 201);
    await container.write(join(container.home, 'file'), 'x');
    t.equal(await ownerOf(container), `${user}:${user}`);
    t.equal(onDisk(castle, 'new', 'file'), `${user}:${user}`);
  });

  t.test("a volume of the host's root is not mapped to the container's user", async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    mkdirSync(join(castle.backend, 'prepared'));
    const container = await TestContainer.start(t, castle, { user });
    t.equal((await container.lease('prepared')).status, 201);
    t.equal(await ownerOf(container), '0:0');
    await t.rejects(container.write(join(container.home, 'file'), 'x'), /EACCES/);
  });

  t.test('the label castle.idmap sets the id mapping', async (t) => {
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
      'no volume was created',
    );
  });

  t.test(
    'where the file system cannot map ids, a new volume belongs to the user, and an existing one is refused',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { backend: overlay(t) });
      const ordered = { user, labels: { 'castle.idmap': '100000:0:65536' } };
      const container = await TestContainer.start(t, castle, ordered);
      t.equal((await container.lease('new')).status, 201);
      t.equal(await ownerOf(container), `${user}:${user}`);
      await container.write(join(container.home, 'file'), 'x');
      t.equal(onDisk(castle, 'new', 'file'), `${user}:${user}`);
      t.match(castle.eventsNamed('mount.idmap-failed'), [{ volume: 'new', code: 'EINVAL', level: 'warn' }]);
      await container.kill();
      const again = await TestContainer.start(t, castle, ordered);
      t.equal((await again.lease('new')).status, 201, 'a later request too');
      t.equal(await ownerOf(again), `${user}:${user}`);

      t.match(await create(castle, 'there'), { code: 0 });
      const refused = await (await TestContainer.start(t, castle, ordered)).lease('there');
      t.match(refused, { status: 503, body: { error: { message: /cannot be mapped by the label/ } } });
      const plain = await TestContainer.start(t, castle, { user });
      t.equal((await plain.lease('there')).status, 201);
      t.equal(await ownerOf(plain), `${disk}:${disk}`);
      t.equal(onDisk(castle, 'there'), `${disk}:${disk}`, 'the owner of an existing volume never changes');
    },
  );

  t.test(
    'a container with its own user namespace sees files of other containers with the ids that they have outside',
    async (t) => {
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
      t.equal(
        onDisk(castle, 'own', 'file'),
        '301000:301000',
        'a volume that it created has its ids on the host',
      );
      t.equal(await ownerOf(first), `${user}:${user}`);
    },
  );
}
