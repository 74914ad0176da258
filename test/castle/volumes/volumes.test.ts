/** Volumes that root of the host creates, deletes and restores; a purge that kill -9 interrupts; a full disk. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import t from 'tap';
import { type Ran, run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { oneThread as env, traced } from '../crash/traced-castle.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { mounted } from '../kit/mounted.ts';
import { TestContainer } from '../kit/test-container.ts';

const castleCommand = (castle: CastleOnHost, ...args: readonly string[]): Promise<Ran> =>
  run(process.execPath, ['dist/castle.js', ...args, '--socket', castle.socket]);
const volume = (castle: CastleOnHost, ...args: readonly string[]): Promise<Ran> =>
  castleCommand(castle, 'volume', ...args);

// Over HTTP and not by the command: it is called often.
const listed = async (castle: CastleOnHost, path: string) =>
  (JSON.parse((await castle.get(path)).text) as { readonly name: string }[]).map(({ name }) => name);
const names = (castle: CastleOnHost) => listed(castle, '/v1/volumes');
const deleted = (castle: CastleOnHost) => listed(castle, '/v1/volumes/deleted');
const folders = (castle: CastleOnHost) => readdirSync(castle.backend).filter((name) => !name.startsWith('.'));

if (requires(t, root, program('strace'))) {
  t.test('a volume is created, deleted and restored with its data', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    t.match(await volume(castle, 'create', 'main', '--owner', '1234:5678'), {
      code: 0,
      stdout: 'volume main is created\n',
    });
    t.match(statSync(join(castle.backend, 'main')), { uid: 1234, gid: 5678 });
    writeFileSync(join(castle.backend, 'main/data'), 'kept');
    t.match(await volume(castle, 'create', 'main'), { code: 0, stdout: 'volume main exists already\n' });
    t.equal(readFileSync(join(castle.backend, 'main/data'), 'utf8'), 'kept');
    t.match(await volume(castle, 'delete', 'main'), {
      code: 0,
      stdout: /^volume main is deleted; castle volume re/,
    });
    t.same([await names(castle), await deleted(castle), folders(castle)], [[], ['main'], []]);
    t.equal(await castle.metric('castle_volumes{state="deleted"}'), 1);
    const { stdout } = await castleCommand(castle, 'deleted', '--json');
    t.match(JSON.parse(stdout), [{ name: 'main', backend: 'local', id: String }]);
    t.match((await castleCommand(castle, 'deleted')).stdout, /^VOLUME +BACKEND .*\nmain +local /);
    t.match(await volume(castle, 'restore', 'main'), { code: 0, stdout: 'volume main is restored\n' });
    t.same([await names(castle), await deleted(castle)], [['main'], []]);
    t.equal(readFileSync(join(castle.backend, 'main/data'), 'utf8'), 'kept');
    t.match(statSync(join(castle.backend, 'main')), { uid: 1234, gid: 5678 });
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    t.equal(
      await container.read(join(container.home, 'data')),
      'kept',
      'a container gets the restored volume',
    );
    for (const event of ['volume.created', 'volume.deleted', 'volume.restored']) {
      t.match(castle.eventsNamed(event), [{ volume: 'main' }], event);
    }
  });

  t.test('a volume that is in use or mounted anywhere is not deleted', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    await container.write(join(container.home, 'data'), 'kept');
    const holder = (await castle.leaseOf('main'))?.containerName;
    t.match(await volume(castle, 'delete', 'main'), {
      code: 75,
      stderr: new RegExp(
        `^castle: volume main is in use by container ${holder} since .*; stop that container`,
      ),
    });
    await castle.end('SIGKILL');
    castle.loseState();
    await castle.serve();
    t.match(
      await volume(castle, 'delete', 'main'),
      { code: 75, stderr: /is mounted on .*\/home / },
      'without the store, the mount is enough to refuse the delete',
    );
    await container.kill();
    await until('the volume is mounted nowhere', async () =>
      (await volume(castle, 'delete', 'main')).code === 0 ? true : undefined,
    );
    await volume(castle, 'restore', 'main');

    t.equal(readFileSync(join(castle.backend, 'main/data'), 'utf8'), 'kept');

    // Each case has its own volume: a process that creates a mount namespace now keeps copies of these mounts until it ends.
    await volume(castle, 'create', 'inside');
    const inside = join(castle.backend, 'inside/folder');
    mkdirSync(inside);
    mounted(t, inside, '-t', 'tmpfs', 'inside');
    writeFileSync(join(inside, 'precious'), '');
    t.match(await volume(castle, 'delete', 'inside'), {
      code: 75,
      stderr: /a file system is mounted in .*, on .*folder; umount/,
    });
    t.ok(existsSync(join(inside, 'precious')));
    await volume(castle, 'create', 'elsewhere');
    const elsewhere = join(castle.socketFolder, 'elsewhere');
    mkdirSync(elsewhere);
    mounted(t, elsewhere, '--bind', join(castle.backend, 'elsewhere'));
    t.match(await volume(castle, 'delete', 'elsewhere'), { code: 75, stderr: /is mounted on .*elsewhere/ });
    t.same([await names(castle), await deleted(castle)], [['elsewhere', 'inside', 'main'], []]);
  });

  t.test('wrong names and options are refused, and so are all requests from a container', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const wrong: [string[], number, RegExp][] = [
      [['create', '../x'], 64, /^castle: volume name "\.\.\/x" /],
      [['delete', '../x'], 64, /^castle: volume name "\.\.\/x" /],
      [['delete', '.trash'], 64, /^castle: volume name "\.trash" /],
      [['delete', 'none'], 64, /^castle: there is no volume none; to list the volumes, run: castle volumes/],
      [
        ['restore', 'none'],
        64,
        /^castle: no deleted volume none is in the trash; to list .* run: castle deleted/,
      ],
      [['create', 'x', '--owner', 'root'], 64, /two numbers/],
      [['create'], 64, /missing required argument/],
      [['frobnicate', 'x'], 64, /frobnicate/],
      [[], 64, /for usage, run: castle volume --help/],
    ];
    for (const [args, code, stderr] of wrong) {
      const ended = await volume(castle, ...args);
      t.match(ended, { code, stdout: '', stderr }, args.join(' '));
      t.equal(ended.stderr.trimEnd().split('\n').length, 1);
    }
    const container = await TestContainer.start(t, castle);
    await volume(castle, 'create', 'main');
    for (const [method, path] of [
      ['POST', '/v1/volumes'],
      ['DELETE', '/v1/volumes/main'],
      ['POST', '/v1/volumes/main/restore'],
      ['GET', '/v1/volumes/deleted'],
    ] as const) {
      const body = path === '/v1/volumes' ? { name: 'mine', uid: 0, gid: 0 } : undefined;
      t.match(await container.call(method, path, body), {
        status: 403,
        body: { error: { code: 'not_permitted' } },
      });
    }
    t.same(await names(castle), ['main'], 'nothing was created or deleted');
  });

  t.test(
    'the volume that was deleted last is restored first, and the trash is recovered after the state is lost',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      for (const life of ['first', 'second']) {
        await volume(castle, 'create', 'main');
        writeFileSync(join(castle.backend, 'main/data'), life);
        await volume(castle, 'delete', 'main');
      }
      await volume(castle, 'create', 'main');
      t.match(await volume(castle, 'restore', 'main'), {
        code: 75,
        stderr: /volume main exists again; delete that/,
      });
      t.same(readdirSync(join(castle.backend, 'main')), [], 'the existing volume is unchanged');
      await volume(castle, 'delete', 'main');
      await volume(castle, 'restore', 'main');
      t.same(readdirSync(join(castle.backend, 'main')), [], 'the volume that was deleted last is restored');
      await castle.end('SIGTERM');
      castle.loseState();
      await castle.serve();
      t.same(await deleted(castle), ['main', 'main'], 'the trash is read again without the state');
    },
  );

  t.test('a volume whose folder is missing is reported as missing, not as unknown', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    await volume(castle, 'create', 'main');
    const [place, away] = [join(castle.backend, 'main'), join(castle.state, 'away')];
    renameSync(place, away);
    const missing = { code: 69, stderr: /^castle: volume main is missing from the local folder / };
    t.match(await volume(castle, 'delete', 'main'), missing);
    t.match(await castleCommand(castle, 'snapshot', 'create', 'main'), missing);
    renameSync(away, place);
    t.match(await volume(castle, 'delete', 'main'), { code: 0 });
  });

  t.test('a deleted volume is removed after --keep-deleted, unless it is mounted anywhere', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { options: ['--keep-deleted', '1s'] });
    await volume(castle, 'create', 'main');
    mkdirSync(join(castle.backend, 'main/folder'));
    writeFileSync(join(castle.backend, 'main/folder/data'), 'gone');
    await volume(castle, 'delete', 'main');
    await until('the volume is purged', () => castle.eventsNamed('volume.purged')[0]);
    t.same(await deleted(castle), []);
    t.same(readdirSync(join(castle.backend, '.trash')), []);
    t.match(castle.eventsNamed('volume.purged'), [{ volume: 'main' }]);
    t.match(await volume(castle, 'restore', 'main'), { code: 64 });

    await castle.end('SIGTERM');
    const keeping = await CastleOnHost.start(t, 'process');
    await volume(keeping, 'create', 'other');
    await volume(keeping, 'delete', 'other');
    const [folder = ''] = readdirSync(join(keeping.backend, '.trash'));
    const elsewhere = join(keeping.socketFolder, 'elsewhere');
    mkdirSync(elsewhere);
    mounted(t, elsewhere, '--bind', join(keeping.backend, '.trash', folder));
    writeFileSync(join(elsewhere, 'data'), 'in use');
    await keeping.end('SIGTERM');
    const purging = await CastleOnHost.start(t, 'process', {
      backend: keeping.backend,
      state: keeping.state,
      options: ['--keep-deleted', '0'],
    });
    await until('the castle tried to purge the volume', () => purging.eventsNamed('volume.unresolved')[0]);
    t.match(purging.eventsNamed('volume.unresolved'), [
      { message: /could not be removed: .*is mounted on .*elsewhere/ },
    ]);
    t.equal(
      readFileSync(join(elsewhere, 'data'), 'utf8'),
      'in use',
      'a deleted volume that is mounted is not removed',
    );
  });

  t.test('the next castle finishes a purge that kill -9 interrupted', async (t) => {
    const castle = await CastleOnHost.start(t, 'process', { options: ['--keep-deleted', '1s'], env });
    await volume(castle, 'create', 'large');
    for (let n = 0; n < 200; n++) writeFileSync(join(castle.backend, 'large', `file-${n}`), '');
    const { pid } = await castle.status();
    const tracer = await traced(pid, 'unlink,unlinkat', 100);
    await castle.call('DELETE', '/v1/volumes/large');
    const [folder = ''] = readdirSync(join(castle.backend, '.trash'));
    const inTrash = join(castle.backend, '.trash', folder);
    await castle.ended();
    tracer.kill('SIGKILL');
    const left = readdirSync(inTrash).length;
    t.ok(left > 0 && left < 200, `${left} files are left`);
    await castle.serve();
    await until('the next castle finishes the purge', () => !existsSync(inTrash) || undefined);
    t.same([await names(castle), await deleted(castle)], [[], []]);
  });

  t.test('a full disk under the state folder loses no volume during a delete or restore', async (t) => {
    const state = temporaryFolder(t, 'state');
    mounted(t, state, '-t', 'tmpfs', '-o', 'size=512k', 'state');
    const castle = await CastleOnHost.start(t, 'process', { state });
    await volume(castle, 'create', 'main');
    writeFileSync(join(castle.backend, 'main/data'), 'kept');
    const filler = join(state, 'filler');
    let refused = 0;
    for (let round = 0; round < 8; round++) {
      await castle.end('SIGTERM');
      await trimStore(join(state, 'castle.lmdb'));
      // With some sizes of the gap, there is room for the first commit of an operation but not for the last one.
      spawnSync('sh', ['-c', `head -c ${round * 20_480} /dev/zero >${filler}.gap; cat /dev/zero >${filler}`]);
      rmSync(`${filler}.gap`);
      await castle.serve();
      for (const path of ['/v1/volumes/main', '/v1/volumes/main/restore']) {
        const { status } = await castle.call(path.endsWith('restore') ? 'POST' : 'DELETE', path);
        if (status === 503) refused += 1;
      }
      rmSync(filler);
      await castle.call('POST', '/v1/volumes/main/restore');
      t.same([await names(castle), await deleted(castle)], [['main'], []], `round ${round}`);
      t.equal(readFileSync(join(castle.backend, 'main/data'), 'utf8'), 'kept');
    }
    t.ok(refused > 0 && refused < 16, `${refused} of 16 requests are refused`);
  });
}

/** Removes the unused space at the end of a store that no process has open. */
async function trimStore(file: string): Promise<void> {
  const store = open({ path: file, encoding: 'json', readOnly: true });
  const { lastPageNumber, pageSize } = store.getStats() as { lastPageNumber: number; pageSize: number };
  await store.close();
  truncateSync(file, (lastPageNumber + 1) * pageSize);
}
