/** `castle gc` finds, reports and removes garbage, and keeps everything that may be in use or hold data. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { GarbageResult } from '../../../src/protocol/contract.ts';
import { type Ran, run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { imageOf, loopDevices } from '../backends/loop/loop-host.ts';
import { oneThread as env, traced, withoutRoom } from '../crash/traced-castle.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { mounted } from '../kit/mounted.ts';
import { TestContainer } from '../kit/test-container.ts';

t.setTimeout(0);

const castle = (of: CastleOnHost, ...args: readonly string[]): Promise<Ran> =>
  run(process.execPath, ['dist/castle.js', ...args, '--socket', of.socket]);
const volume = (of: CastleOnHost, ...args: readonly string[]) => castle(of, 'volume', ...args);

/** The results that `castle gc` prints, as `outcome kind name`. */
async function gc(of: CastleOnHost, ...options: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await castle(of, 'gc', '--json', ...options);
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as GarbageResult[]).map(
    ({ outcome, kind, name }) => `${outcome} ${kind} ${name}`,
  );
}

/** All paths below a folder, with the contents of the files. */
const everything = (folder: string): string =>
  execFileSync('find', [folder, '-printf', '%P %y %m %U %s %T@\n'], { encoding: 'utf8' });

/** Creates a mount as for an engine, without a lease. */
function orphanedMount(t: Test, of: CastleOnHost, name: string): string {
  const place = join(of.state, 'mounts', `${name}~orphan`);
  mkdirSync(place);
  execFileSync('mount', ['--bind', join(of.backend, name), place]);
  t.teardown(() => run('umount', [place]));
  return place;
}

const isMountPoint = (path: string): boolean =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === path);

if (requires(t, root, program('strace'))) {
  t.test('a dry run only reports garbage, and a real run removes only garbage', async (t) => {
    const of = await CastleOnHost.start(t, 'process');
    t.match(await castle(of, 'gc'), { code: 0, stdout: 'nothing to clean up\n' });
    for (const name of ['main', 'busy', 'lost']) {
      await volume(of, 'create', name);
      writeFileSync(join(of.backend, name, 'data'), name);
    }
    const unfinished = join(of.backend, '.creating-x');
    mkdirSync(join(unfinished, 'folder'), { recursive: true });
    const stranger = join(of.backend, 'stranger');
    mkdirSync(stranger);
    writeFileSync(join(stranger, 'data'), 'precious');
    const orphan = orphanedMount(t, of, 'main');
    const busy = orphanedMount(t, of, 'busy');
    const elsewhere = join(of.socketFolder, 'elsewhere');
    mkdirSync(elsewhere);
    mounted(t, elsewhere, '--bind', join(of.backend, 'busy'));
    const place = join(of.state, 'mounts', 'main~empty');
    mkdirSync(place);
    const notOurs = join(of.state, 'mounts', 'something');
    mkdirSync(notOurs);
    await volume(of, 'delete', 'lost');
    const [inTrash = ''] = readdirSync(join(of.backend, '.trash'));
    rmSync(join(of.backend, '.trash', inTrash), { recursive: true });

    const before = everything(of.backend) + readdirSync(join(of.state, 'mounts'));
    const found = await gc(of, '--dry-run');
    t.match([...found].sort(), [
      `found file ${place}`,
      `found file ${unfinished}`,
      `found mount ${busy}`,
      `found mount ${orphan}`,
      /^found volume lost \(/,
      'found volume stranger',
    ]);
    t.equal(everything(of.backend) + readdirSync(join(of.state, 'mounts')), before, 'nothing has changed');
    t.ok(isMountPoint(orphan));
    t.match(
      (await castle(of, 'gc', '--dry-run')).stdout,
      /^found {4}mount .*main~orphan: it was created for an engine, /m,
    );

    const done = await gc(of);
    t.match([...done].sort(), [
      `left mount ${busy}`,
      'left volume stranger',
      `removed file ${place}`,
      `removed file ${unfinished}`,
      `removed mount ${orphan}`,
      /^removed volume lost \(/,
    ]);
    t.same([existsSync(unfinished), existsSync(place), existsSync(orphan)], [false, false, false]);
    t.ok(isMountPoint(busy), 'a volume that is also mounted elsewhere stays');
    t.ok(existsSync(notOurs), 'files that the castle did not create stay');
    for (const name of ['main', 'busy']) {
      t.equal(readFileSync(join(of.backend, name, 'data'), 'utf8'), name, `${name} has its data`);
    }
    t.equal(readFileSync(join(stranger, 'data'), 'utf8'), 'precious');
    t.equal(of.eventsNamed('gc.removed').length, 4);
    t.equal(await of.metric('castle_garbage{kind="volume"}'), 1);
    t.equal(await of.metric('castle_garbage{kind="mount"}'), 1);
    await volume(of, 'create', 'stranger');
    t.equal(
      readFileSync(join(stranger, 'data'), 'utf8'),
      'precious',
      'an unknown volume is adopted with its data',
    );
    t.same(await gc(of), [`left mount ${busy}`]);

    const container = await TestContainer.start(t, of);
    t.equal(
      (await container.call('POST', '/v1/gc', { dryRun: true })).status,
      403,
      'containers are not permitted to run the garbage collection',
    );
  });

  t.test(
    'the periodic garbage collection removes garbage without data, and reports other garbage once',
    async (t) => {
      const of = await CastleOnHost.start(t, 'process', { options: ['--gc-interval', '1s'] });
      const unfinished = join(of.backend, '.creating-x');
      const stranger = join(of.backend, 'stranger');
      mkdirSync(stranger);
      mkdirSync(unfinished);
      await until('the unfinished file is removed', () => !existsSync(unfinished) || undefined);
      const runs = () => of.metric('castle_events_total{event="gc.done"}');
      const before = (await runs()) ?? 0;
      await until(
        'the garbage collection has run again',
        async () => ((await runs()) ?? 0) > before + 2 || undefined,
      );
      t.match(of.eventsNamed('gc.found'), [{ level: 'warn', remedy: /castle volume create stranger/ }]);
      t.ok(existsSync(stranger));
      for (const [option, code] of [
        ['never', 64],
        ['-1', 64],
      ] as const) {
        t.match(await run(process.execPath, ['dist/castle.js', 'serve', '--gc-interval', option]), { code });
      }
    },
  );

  t.test('a volume that is being created from a snapshot is not garbage', async (t) => {
    const folder = temporaryFolder(t, 'cp');
    const real = execFileSync('which', ['cp'], { encoding: 'utf8' }).trim();
    // A script in place of the copying tool, which waits until the test lets it end. The last argument but one is the snapshot,
    // whose path begins with the volume's name.
    const script = `#!/bin/sh
for last; do from=$to to=$last; done
name=\${from##*/}
name=\${name%%@*}
${real} "$@" || exit
: >"${folder}/$name.copied"
until [ -e "${folder}/$name.end" ]; do sleep 0.02; done
`;
    writeFileSync(join(folder, 'cp'), script, { mode: 0o755 });
    const letEnd = (name: string) => writeFileSync(join(folder, `${name}.end`), '');
    t.teardown(() => ['first', 'second'].map(letEnd));
    const copied = (name: string) =>
      until(`${name} is copied`, () => existsSync(join(folder, `${name}.copied`)) || undefined);
    const of = await CastleOnHost.start(t, 'process', {
      env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
    });
    const restore = (name: string) => castle(of, 'snapshot', 'restore', `latest:${name}`, `${name}-again`);
    for (const name of ['first', 'second']) {
      await volume(of, 'create', name);
      writeFileSync(join(of.backend, name, 'data'), name);
      await castle(of, 'snapshot', 'create', name);
    }
    // The garbage collection first removes empty mount folders, then waits for the first volume before it searches for
    // unfinished files. The second volume is begun during that wait, which the removal of the folder shows.
    const first = restore('first');
    await copied('first');
    const place = join(of.state, 'mounts', 'first~empty');
    mkdirSync(place);
    const cleaned = gc(of);
    await until('the garbage collection is in progress', () => !existsSync(place) || undefined);
    const second = restore('second');
    await copied('second');
    letEnd('first');
    t.match(await first, { code: 0 });
    t.same(await cleaned, [`removed file ${place}`], 'the volume that is being created is not removed');
    letEnd('second');
    t.match(await second, { code: 0 });
    t.equal(readFileSync(join(of.backend, 'second-again', 'data'), 'utf8'), 'second');
    t.same(await gc(of), []);
  });

  t.test(
    'two simultaneous garbage collections, and one that is killed at any step, leave no garbage',
    async (t) => {
      const of = await CastleOnHost.start(t, 'process', { env });
      await volume(of, 'create', 'main');
      writeFileSync(join(of.backend, 'main/data'), 'kept');
      const unfinished = join(of.backend, '.creating-x');
      const prepare = () => {
        mkdirSync(unfinished);
        for (const name of ['one', 'two']) writeFileSync(join(unfinished, name), '');
        return orphanedMount(t, of, 'main');
      };
      const orphan = prepare();
      const both = await Promise.all([gc(of), gc(of)]);
      t.same(both.flat().sort(), [`removed file ${unfinished}`, `removed mount ${orphan}`]);

      let killed = 0;
      for (let step = 1; ; step++) {
        prepare();
        const { pid } = await of.status();
        const tracer = await traced(pid, 'unlink,unlinkat,rmdir,umount2', step);
        const gone = once(tracer, 'close');
        const asked = await castle(of, 'gc', '--json');
        const died = asked.code !== 0;
        tracer.kill(died ? 'SIGKILL' : 'SIGTERM');
        await gone;
        if (died) {
          killed += 1;
          await of.end('SIGKILL');
          await of.serve();
        }
        await gc(of);
        t.same(await gc(of), [], `step ${step}: ${died ? 'killed' : 'done'}: no garbage is left`);
        t.same([existsSync(unfinished), existsSync(orphan)], [false, false]);
        t.equal(readFileSync(join(of.backend, 'main/data'), 'utf8'), 'kept');
        if (!died) break;
        if (step > 30) throw new Error('no end');
      }
      t.ok(killed >= 2, `${killed} kills`);
    },
  );

  t.test('changes that could not be recorded on a full disk are recorded when there is room', async (t) => {
    const of = await CastleOnHost.start(t, 'process', { env });
    const { pid } = await of.status();
    const container = await TestContainer.start(t, of);
    t.equal((await container.lease('main')).status, 201);
    await container.write(join(container.home, 'data'), 'kept');
    const giveRoom = await withoutRoom(pid);
    await container.kill();
    await until('the end of the lease cannot be recorded', () => of.eventsNamed('lease.unresolved')[0]);
    t.ok(await of.leaseOf('main'), 'the lease still exists');
    await giveRoom();
    const [found = ''] = await gc(of, '--dry-run');
    t.match(found, /^found lease /);
    t.ok(await of.leaseOf('main'), 'the lease still exists');
    t.same(await gc(of), [found.replace('found', 'removed')]);
    t.notOk(await of.leaseOf('main'));

    const unfinishedVolumes = async () =>
      (await of.ask('volumes')).filter((one) => one.state === 'creating').length;
    const tracer = await traced(pid, 'rename', 1);
    await volume(of, 'create', 'half');
    tracer.kill('SIGKILL');
    await of.end('SIGKILL');
    // A file in place of the volume keeps the next castle from checking the creation; the test removes the file later.
    writeFileSync(join(of.backend, 'half'), '');
    await of.serve();
    t.equal(await unfinishedVolumes(), 1, 'the castle reports a creation whose outcome is unknown');
    rmSync(join(of.backend, 'half'));
    t.same(await gc(of, '--dry-run'), ['found volume half']);
    t.equal(await unfinishedVolumes(), 1);
    t.same(await gc(of), ['removed volume half']);
    t.equal(await unfinishedVolumes(), 0);
    t.equal(readFileSync(join(of.backend, 'main/data'), 'utf8'), 'kept');
  });

  t.test(
    'with loop, only old unfinished files are removed, and a device without a mount is reported',
    async (t) => {
      if (!requires(t, loopDevices, program('mkfs.ext4'), program('losetup'), program('flock'))) return;
      const of = await CastleOnHost.start(t, 'process', { loop: 'size=16M' });
      await volume(of, 'create', 'main');
      const id = (n: number) => `.unfinished-0000000${n}-0000-4000-8000-000000000000`;
      const [young, old, locked] = [1, 2, 3].map((n) => join(of.backend, id(n))) as [string, string, string];
      for (const path of [young, old, `${old}.prototype`, locked]) writeFileSync(path, '');
      for (const path of [old, `${old}.prototype`, locked]) utimesSync(path, 1e9, 1e9);
      const worker = spawn('flock', [locked, 'sh', '-c', 'echo works; read -r end'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      await once(worker.stdout, 'data');
      const image = imageOf(of.backend, 'main');
      const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
      t.teardown(() => run('losetup', ['--detach', device]));
      const stranger = join(of.backend, 'stranger@11111111-0000-4000-8000-000000000000.ext4');
      writeFileSync(stranger, 'precious');
      t.match(await gc(of), [
        `left device ${device}`,
        'left volume stranger',
        `removed file ${old}`,
        `removed file ${old}.prototype`,
      ]);
      t.same(
        [existsSync(young), existsSync(locked)],
        [true, true],
        'a young or locked file may be in use and stays',
      );
      t.equal(readFileSync(stranger, 'utf8'), 'precious');
      worker.stdin.end();
      await once(worker, 'close');
      execFileSync('losetup', ['--detach', device]);
      utimesSync(young, 1e9, 1e9);
      renameSync(stranger, join(of.socketFolder, 'stranger'));
      t.same([...(await gc(of))].sort(), [`removed file ${young}`, `removed file ${locked}`]);
      const container = await TestContainer.start(t, of);
      t.equal((await container.lease('main')).status, 201, 'the volume is unchanged');
      t.same(await gc(of), [], 'a device with a mount is not reported');
    },
  );
}
