/** Snapshots of folders: a subvolume on btrfs, a copy on other file systems. */
import { execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { mounted } from '../kit/mounted.ts';
import { TestContainer } from '../kit/test-container.ts';
import {
  castleCommand,
  folderOn,
  numbers,
  restored,
  snapshotsOf,
  stored,
  taken,
  writing,
} from './snapshot-host.ts';

t.setTimeout(0);
t.jobs = 3;

if (requires(t, root, loopDevices, ...['mkfs.btrfs', 'mkfs.xfs', 'setfattr'].map(program))) {
  for (const disk of ['host', 'xfs', 'btrfs'] as const) {
    t.test(`${disk}: a snapshot has the complete content of a folder`, { buffered: true }, async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { backend: folderOn(t, disk) });
      const container = await TestContainer.start(t, castle);
      t.equal((await container.lease('main')).status, 201);
      const volume = join(castle.backend, 'main');
      t.equal(
        statSync(volume).ino === 256,
        disk === 'btrfs',
        'the snapshot is a subvolume where the file system has subvolumes',
      );
      const at = (name: string) => join(volume, name);
      mkdirSync(at('folder/deep'), { recursive: true });
      writeFileSync(at('folder/deep/file'), 'kept', { mode: 0o640 });
      chownSync(at('folder/deep/file'), 1234, 5678);
      linkSync(at('folder/deep/file'), at('linked'));
      symlinkSync('/nowhere', at('symlink'));
      writeFileSync(at('sparse'), 'begin');
      truncateSync(at('sparse'), 64 * 2 ** 20);
      writeFileSync(at(' odd\nname '), '');
      execFileSync('setfattr', ['-n', 'user.castle', '-v', 'kept', at('linked')]);
      const socket = createServer().listen(at('socket'));
      t.teardown(() => socket.close());
      const id = await taken(castle, 'main');
      writeFileSync(at('linked'), 'changed');
      writeFileSync(at('later'), '');
      t.equal(await restored(castle, id, 'copy'), 201);
      const copy = (name: string) => join(castle.backend, 'copy', name);
      t.equal(readFileSync(copy('linked'), 'utf8'), 'kept');
      t.notOk(existsSync(copy('later')), 'files created later are not in the snapshot');
      const [file, linked] = [statSync(copy('folder/deep/file')), statSync(copy('linked'))];
      t.match(file, { uid: 1234, gid: 5678, mode: 0o100640, nlink: 2, ino: linked.ino });
      t.ok(lstatSync(copy('symlink')).isSymbolicLink());
      t.ok(existsSync(copy(' odd\nname ')));
      t.equal(statSync(copy('sparse')).size, 64 * 2 ** 20);
      t.ok(statSync(copy('sparse')).blocks < 1000, 'sparse files stay sparse');
      const attribute = execFileSync('getfattr', ['--only-values', '-n', 'user.castle', copy('linked')]);
      t.equal(String(attribute), 'kept');
      t.match(statSync(join(castle.backend, 'copy')), {
        uid: statSync(volume).uid,
        mode: statSync(volume).mode,
      });
      t.equal(statSync(join(castle.backend, 'copy')).ino === 256, disk === 'btrfs');
      const other = await TestContainer.start(t, castle);
      t.equal((await other.lease('copy')).status, 201);
      await other.write(join(other.home, 'linked'), ' and written');
      t.equal(await restored(castle, id, 'again'), 201, 'the snapshot is unchanged');
      t.equal(readFileSync(join(castle.backend, 'again', 'linked'), 'utf8'), 'kept');

      t.match(await castleCommand(castle, 'snapshot', 'restore', id, 'sized', '--size', '1G'), {
        code: 64,
        stderr: /cannot have a size/,
      });
      t.equal(await restored(castle, id, 'main'), 409, 'no volume is replaced');
      await container.kill();
      await castle.untilFree('main');
      t.match(await castleCommand(castle, 'volume', 'delete', 'main'), { code: 0 });
      t.match(await snapshotsOf(castle), [{ id, state: 'ready' }], 'the snapshot of a deleted volume stays');
      await castle.end('SIGKILL');
      castle.loseState();
      await castle.serve();
      t.match(await snapshotsOf(castle), [{ id, volume: 'main', origin: 'adopted' }]);
      t.equal(await restored(castle, id, 'main'), 201, 'a deleted volume can be restored from it');
      t.match(await castleCommand(castle, 'snapshot', 'delete', id), { code: 0 });
      t.same([await snapshotsOf(castle), stored(castle)], [[], []]);
      t.same(
        readdirSync(castle.backend).filter((name) => name.startsWith('.creating')),
        [],
      );
    });
  }

  t.test(
    'btrfs: a snapshot has every file as it was at one moment after the request',
    { buffered: true },
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { backend: folderOn(t, 'btrfs') });
      const container = await TestContainer.start(t, castle);
      await container.lease('main');
      await writing(container);
      let least = 0;
      for (let round = 0; round < 5; round++) {
        const before = readFileSync(join(castle.backend, 'main/other'), 'utf8').split('\n').length - 1;
        t.equal(await restored(castle, await taken(castle, 'main'), `copy-${round}`), 201);
        for (const file of ['one', 'other']) {
          const now = numbers(readFileSync(join(castle.backend, `copy-${round}`, file), 'utf8'));
          t.ok(now >= least && now >= before, `${file}: ${now} lines, ${before} before`);
        }
        least = before;
      }
    },
  );

  t.test(
    'a copy of a folder whose files are created, deleted and replaced contains every file that stays',
    { buffered: true },
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      await castleCommand(castle, 'volume', 'create', 'main');
      const volume = join(castle.backend, 'main');
      // There are so many files that the copy takes longer than a file exists.
      for (let n = 0; n < 2000; n++) writeFileSync(join(volume, `file-${n}`), `${n}`);
      const script = `
      const { renameSync, rmSync, writeFileSync } = require('node:fs');
      for (let n = 0; ; n++) {
        const name = 'file-' + n % 2000;
        writeFileSync('new', String(n % 2000));
        renameSync('new', name);
        writeFileSync('passing-' + n, '');
        rmSync('passing-' + n);
        if (n === 100) console.log('busy');
      }`;
      const busy = spawn(process.execPath, ['-e', script], { cwd: volume });
      t.teardown(() => busy.kill('SIGKILL'));
      let printed = '';
      busy.stdout.on('data', (text) => {
        printed += text;
      });
      await until('files are replaced', () => printed.includes('busy') || undefined);
      for (let round = 0; round < 2; round++) {
        t.equal(await restored(castle, await taken(castle, 'main'), `copy-${round}`), 201);
        const copy = join(castle.backend, `copy-${round}`);
        const wrong = Array.from({ length: 2000 }, (_, n) => n).filter((n) => {
          try {
            return readFileSync(join(copy, `file-${n}`), 'utf8') !== `${n}`;
          } catch {
            return true;
          }
        });
        t.same(wrong, []);
      }
    },
  );

  t.test('a tar that ends before the end of its input is not an error', { buffered: true }, async (t) => {
    const folder = temporaryFolder(t, 'tar');
    const [path, unpacked] = [join(folder, 'bin'), join(folder, 'unpacked')];
    mkdirSync(path);
    const real = execFileSync('which', ['tar'], { encoding: 'utf8' }).trim();
    // The packing tar keeps its output open until the castle has seen the end of the unpacking tar. If that waits for the
    // end of its input, the wait is limited.
    const script = `#!/bin/sh
case " $* " in
  *' --extract '*) echo $$ >${unpacked}; exec ${real} "$@" ;;
esac
${real} "$@" || exit
for n in $(seq 500); do
  read -r pid <${unpacked} && ! kill -0 "$pid" && break
  sleep 0.01
done 2>/dev/null
`;
    writeFileSync(join(path, 'tar'), script, { mode: 0o755 });
    const env = { ...process.env, PATH: `${path}:${process.env['PATH']}` };
    const castle = await CastleOnHost.start(t, 'process', { env });
    await castleCommand(castle, 'volume', 'create', 'main');
    writeFileSync(join(castle.backend, 'main/data'), 'kept');
    t.equal(await restored(castle, await taken(castle, 'main'), 'again'), 201);
    t.equal(readFileSync(join(castle.backend, 'again/data'), 'utf8'), 'kept');
  });

  t.test(
    'a container that exchanges folders for symlinks gets no file of the host into a snapshot',
    { buffered: true },
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      await castleCommand(castle, 'volume', 'create', 'main');
      const volume = join(castle.backend, 'main');
      const outside = temporaryFolder(t, 'outside');
      mkdirSync(join(volume, 'folder'));
      for (let n = 0; n < 500; n++) {
        writeFileSync(join(volume, 'folder', `file-${n}`), 'ours');
        writeFileSync(join(outside, `file-${n}`), 'the secret of the host');
      }
      const script = `
      const { renameSync, rmSync, symlinkSync } = require('node:fs');
      for (let n = 0; ; n++) {
        renameSync('folder', 'away');
        symlinkSync(process.argv[1], 'folder');
        rmSync('folder');
        renameSync('away', 'folder');
        if (n === 100) console.log('busy');
      }`;
      const busy = spawn(process.execPath, ['-e', script, outside], { cwd: volume });
      t.teardown(() => busy.kill('SIGKILL'));
      let printed = '';
      busy.stdout.on('data', (text) => {
        printed += text;
      });
      await until('symlinks are exchanged', () => printed.includes('busy') || undefined);
      for (let round = 0; round < 20; round++) await taken(castle, 'main');
      const { code, stdout } = await run('grep', ['-rl', 'secret', join(castle.backend, '.snapshots')]);
      t.match({ code, stdout }, { code: 1, stdout: '' });
    },
  );

  t.test(
    'impossible snapshots are refused, and mounts inside the volume are left out',
    { buffered: true },
    async (t) => {
      const backend = folderOn(t, 'host');
      mounted(t, backend, '-t', 'tmpfs', '-o', 'size=10M', 'volumes');
      const castle = await CastleOnHost.start(t, 'process', { backend });
      await castleCommand(castle, 'volume', 'create', 'main');
      const inside = join(backend, 'main/inside');
      mkdirSync(inside);
      mounted(t, inside, '-t', 'tmpfs', 'inside');
      writeFileSync(join(inside, 'not-ours'), 'x');
      writeFileSync(join(backend, 'main/data'), 'x'.repeat(2 * 2 ** 20));
      const id = await taken(castle, 'main');
      t.match(await snapshotsOf(castle), [{ sizeBytes: 2 * 2 ** 20 }]);
      const [name = ''] = stored(castle);
      t.same(
        readdirSync(join(backend, '.snapshots', name, 'inside')),
        [],
        'a mount inside the volume is left out',
      );
      writeFileSync(join(backend, 'main/more'), 'x'.repeat(3 * 2 ** 20));
      await t.rejects(taken(castle, 'main'), /503.*too little space for a snapshot of volume main/);
      t.equal(await restored(castle, id, 'copy'), 201);
      t.equal(await restored(castle, id, 'second'), 503, 'the restore fails without room');
      t.same(
        readdirSync(backend),
        ['.snapshots', 'copy', 'main'],
        'nothing is left of the refused snapshot and restore',
      );
      t.same(
        (await snapshotsOf(castle)).map((one) => one.id),
        [id],
      );
    },
  );
}
