/** The volume driver, call by call, as an engine calls it. test/engine/volume-driver.machine.ts tests it with a real engine. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { Running } from '../../kit/namespace.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { fsck, imageOf, loopDevices, untilNoLoops } from '../backends/loop/loop-host.ts';
import { FatalTools } from '../crash/fatal-tools.ts';
import { CastleOnHost, type Places } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

t.setTimeout(0);

interface CallResult {
  readonly status: number;
  readonly body: {
    readonly Err: string;
    readonly Mountpoint?: string;
    readonly Volume?: { readonly Mountpoint: string; readonly Status: object };
  };
}

const [one, two] = ['1'.repeat(64), '2'.repeat(64)];

/** A castle that is also a volume driver, and the calls of an engine to it. */
class Driver {
  private constructor(
    readonly castle: CastleOnHost,
    readonly socket: string,
  ) {}

  static async start(t: Test, places: Places = {}): Promise<Driver> {
    const socket = join(temporaryFolder(t, 'plugin'), 'castle.sock');
    const options = ['--plugin', socket, ...(places.options ?? [])];
    return new Driver(await CastleOnHost.start(t, 'process', { ...places, options }), socket);
  }

  /** Sends one call. */
  call(method: string, body: object | string = {}): Promise<CallResult> {
    return new Promise((resolve, reject) => {
      const path = method.startsWith('/') ? method : `/VolumeDriver.${method}`;
      const call = request({ socketPath: this.socket, method: 'POST', path, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) }));
      });
      call.on('error', reject).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  }

  mount = (Name: string, ID: string) => this.call('Mount', { Name, ID });
  unmount = (Name: string, ID: string) => this.call('Unmount', { Name, ID });

  /** Mounts a volume. @returns the mount point @throws Error when the driver reports an error */
  async mounted(name: string, id: string): Promise<string> {
    const { status, body } = await this.mount(name, id);
    if (status !== 200 || body.Mountpoint === undefined) throw new Error(JSON.stringify(body));
    return body.Mountpoint;
  }

  /** The mount points for engines that the castle has on the host. */
  points(): readonly string[] {
    return mountPoints().filter((point) => point.startsWith(`${this.castle.state}/`));
  }

  /** Unmounts everything that a test left mounted. */
  async clear(): Promise<void> {
    for (const point of this.points()) await run('umount', [point]);
  }
}

const mountPoints = (): readonly string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');

/** Starts a container as an engine does: with its own bind mount of the volume, and without the mount on the host. */
async function container(t: Test, source: string, hosts: string): Promise<Running> {
  const home = temporaryFolder(t, 'home');
  const script = `mount --bind "$0" "$1" && { umount "$0"; true; } && echo has it && exec sleep 1000`;
  const running = new Running(['sh', '-c', script, source, home], { unshare: ['--mount'] });
  t.teardown(() => running.kill());
  if ((await running.line()) !== 'has it') throw new Error(`${hosts}: ${(await running.end()).stderr}`);
  return running;
}

const refused = (sentence: RegExp) => ({ status: 500, body: { Err: sentence } });

if (requires(t, root, program('setpriv'), loopDevices, program('mkfs.ext4'))) {
  t.test('each call of the protocol is answered, and invalid calls are refused', async (t) => {
    const driver = await Driver.start(t);
    t.same((await driver.call('/Plugin.Activate')).body, { Implements: ['VolumeDriver'], Err: '' });
    t.same((await driver.call('Capabilities', 'null')).body, { Capabilities: { Scope: 'local' }, Err: '' });
    t.same((await driver.call('List')).body, { Volumes: [], Err: '' });
    t.match(await driver.call('Get', { Name: 'main' }), refused(/^there is no volume main/));
    const Opts = { uid: '1234', gid: '5678', size: '20M' };
    t.same(await driver.call('Create', { Name: 'main', Opts }), { status: 200, body: { Err: '' } });
    t.match(statSync(join(driver.castle.backend, 'main')), { uid: 1234, gid: 5678 });
    t.same(
      await driver.call('Create', { Name: 'main' }),
      { status: 200, body: { Err: '' } },
      'a repeated Create succeeds',
    );
    t.match((await driver.call('Get', { Name: 'main' })).body, {
      Volume: { Name: 'main', Mountpoint: '', Status: { backend: 'local', state: 'ready' } },
    });
    t.match((await driver.call('List')).body, { Volumes: [{ Name: 'main', Mountpoint: '' }] });
    for (const [method, body, sentence] of [
      ['Create', { Name: 'x', Opts: { colour: 'red' } }, /^unknown option "colour"; use size /],
      ['Create', { Name: 'x', Opts: { size: 'large' } }, /^size=large is not a size/],
      ['Create', { Name: 'x', Opts: { uid: 'root' } }, /^uid=root is not an id/],
      ['Create', { Name: 'x', Opts: { gid: 7 } }, /^the value of option gid is not a string/],
      ['Create', { Name: '../x' }, /^volume name "\.\.\/x" /],
      ['Create', {}, /^the call has no Name/],
      ['Mount', { Name: 'main' }, /^the ID of the call is missing/],
      ['Mount', { Name: 'main', ID: '../../x' }, /^the ID of the call is missing or invalid/],
      ['Mount', { Name: 'none', ID: one }, /^there is no volume none/],
      ['Mount', '{', /^the call is invalid: /],
      ['Mount', '7', /^the call is invalid: it is not a JSON object/],
      ['Mount', `"${'x'.repeat(70_000)}"`, /^the call is invalid: it has more than 65536 characters/],
    ] as const) {
      t.match(
        await driver.call(method, body),
        refused(sentence),
        `${method} ${JSON.stringify(body).slice(0, 60)}`,
      );
    }
    t.match(await driver.call('Format'), { status: 404 });
    t.same(readdirSync(driver.castle.backend), ['main'], 'nothing else was created');
    t.same(driver.points(), []);
    t.equal(statSync(driver.socket).mode & 0o777, 0o600);
    const nobody = `require('node:net').connect('${driver.socket}').on('error', (e) => console.log(e.code))`;
    const { stdout } = await run('setpriv', [
      '--reuid=1000',
      '--clear-groups',
      process.execPath,
      '-e',
      nobody,
    ]);
    t.equal(stdout, 'EACCES\n', 'only root may connect');
    t.same(await driver.call('Remove', { Name: 'main' }), { status: 200, body: { Err: '' } });
    t.same(
      await driver.call('Remove', { Name: 'main' }),
      { status: 200, body: { Err: '' } },
      'a repeated Remove succeeds',
    );
    t.match(
      (await driver.castle.get('/v1/volumes/deleted')).text,
      /"main"/,
      'the removed volume is in the trash',
    );
    t.equal(await driver.castle.end('SIGTERM'), 0);
    t.notOk(existsSync(driver.socket));
  });

  for (const loop of [undefined, 'size=16M']) {
    t.test(
      `${loop === undefined ? 'local' : 'loop'}: a volume has one holder, through the engine or through the API`,
      async (t) => {
        const driver = await Driver.start(t, loop === undefined ? {} : { loop });
        const { castle } = driver;
        await driver.call('Create', { Name: 'main', Opts: { uid: '0', gid: '0' } });
        const point = await driver.mounted('main', one);
        t.same(driver.points(), [point]);
        t.ok(
          statSync(castle.state).mode & 0o700 && (statSync(castle.state).mode & 0o077) === 0,
          'only root can read the state',
        );
        writeFileSync(join(point, 'data'), 'kept');
        t.equal(await driver.mounted('main', one), point, 'a repeated Mount returns the same mount point');
        t.same(driver.points(), [point]);
        t.match((await driver.call('Path', { Name: 'main' })).body, { Mountpoint: point });
        t.match((await driver.call('Get', { Name: 'main' })).body.Volume, {
          Mountpoint: point,
          Status: { holder: `the engine's mount ${one.slice(0, 12)}`, container: 'awaited' },
        });
        t.match(
          await driver.mount('main', two),
          refused(/^volume main is in use by the engine's mount 1111/),
        );
        const container = await TestContainer.start(t, castle);
        t.match(await container.lease('main'), {
          status: 409,
          body: { error: { code: 'volume_in_use', holder: `the engine's mount ${one.slice(0, 12)}` } },
        });
        t.match(await driver.call('Remove', { Name: 'main' }), refused(/^volume main is in use by/));
        t.same(
          await driver.unmount('main', two),
          { status: 200, body: { Err: '' } },
          'Unmount with the id of another mount succeeds',
        );
        t.same(driver.points(), [point], 'Unmount with the id of another mount unmounts nothing');
        t.same(await driver.unmount('main', one), { status: 200, body: { Err: '' } });
        t.same(
          await driver.unmount('main', one),
          { status: 200, body: { Err: '' } },
          'a repeated Unmount succeeds',
        );
        t.same([driver.points(), readdirSync(join(castle.state, 'mounts'))], [[], []]);

        t.equal(
          (await container.lease('main')).status,
          201,
          'a container can request the same volume by the API',
        );
        t.equal(await container.read(join(container.home, 'data')), 'kept');
        t.match(await driver.mount('main', two), refused(/^volume main is in use by container process-/));
        t.match(
          await driver.call('Remove', { Name: 'main' }),
          refused(/^volume main is in use by container/),
        );
        t.same([driver.points(), readdirSync(join(castle.state, 'mounts'))], [[], []]);
        await container.kill();
        await castle.untilFree('main');
        await driver.mounted('main', two);
        await driver.unmount('main', two);
        await untilNoLoops(castle.backend);
        if (loop !== undefined) t.equal(fsck(imageOf(castle.backend, 'main')), 0);
      },
    );
  }

  t.test('a mount stays until its container ends, even if the engine calls Unmount', async (t) => {
    const driver = await Driver.start(t, { loop: 'size=16M' });
    const { castle } = driver;
    await driver.call('Create', { Name: 'main' });
    const point = await driver.mounted('main', one);
    const first = await container(t, point, 'first');
    await driver.mounted('main', one);
    await driver.unmount('main', one);
    t.same(driver.points(), [point], 'docker cp calls Unmount while the container runs');
    t.match(await castle.leaseOf('main'), { state: 'mounted' });
    t.match((await driver.call('Get', { Name: 'main' })).body.Volume, { Status: { container: 'seen' } });
    t.match(await driver.mount('main', two), refused(/in use by the engine's mount 1111/));
    const grown = await run(process.execPath, [
      ...['dist/castle.js', 'volume', 'grow', 'main', '24M', '--socket', castle.socket],
    ]);
    t.ok(
      grown.code === 0 || /CAP_SYS_RESOURCE|EPERM/.test(grown.stderr),
      `the volume can grow: ${grown.stderr}`,
    );
    await castle.end('SIGKILL');
    await first.kill();
    await castle.serve();
    await until('the next castle releases the lease', async () =>
      (await castle.leaseOf('main')) === undefined ? true : undefined,
    );
    t.same([driver.points(), readdirSync(join(castle.state, 'mounts'))], [[], []]);
    t.match(castle.eventsNamed('lease.released').at(-1), { message: /no container uses the mount any more/ });

    const second = await container(t, await driver.mounted('main', one), 'second');
    await until('the castle has found the mount of the container', () =>
      driver.unmount('main', one).then(() => driver.points().length === 1),
    );
    await second.kill();
    const next = await driver.mounted('main', two);
    t.same(driver.points(), [next], 'the next container does not wait for an Unmount of the last one');
    t.match(await castle.leaseOf('main'), { containerName: `the engine's mount ${two.slice(0, 12)}` });
    await driver.unmount('main', two);
  });

  t.test('a castle that lost its state does not mount a volume again that is still mounted', async (t) => {
    const driver = await Driver.start(t);
    const { castle } = driver;
    await driver.call('Create', { Name: 'main' });
    const point = await driver.mounted('main', one);
    t.teardown(() => driver.clear());
    await castle.end('SIGKILL');
    for (const name of readdirSync(castle.state).filter((name) => name.startsWith('castle.lmdb'))) {
      rmSync(join(castle.state, name));
    }
    await castle.serve();
    const container = await TestContainer.start(t, castle);
    t.match(await container.lease('main'), { status: 409, body: { error: { holder: 'the host' } } });
    t.match(await driver.mount('main', two), refused(/is already mounted on .*mounts\/main~1111/));
    t.equal(await driver.mounted('main', one), point, 'the existing mount is returned');
    t.same(driver.points(), [point]);
    await driver.unmount('main', one);
    t.same(driver.points(), []);
    t.equal((await container.lease('main')).status, 201);
  });

  t.test('a castle that is killed before, during or after castle-mount recovers', async (t) => {
    const tools = new FatalTools(t);
    const driver = await Driver.start(t, { loop: 'size=16M', program: tools.program, env: tools.env });
    const { castle } = driver;
    await driver.call('Create', { Name: 'main' });
    for (const act of ['mount', 'unmount'] as const) {
      for (const moment of ['before', 'meanwhile', 'after'] as const) {
        if (act === 'unmount') await driver.mounted('main', one);
        tools.order('castle-mount', 1, moment);
        await driver[act]('main', one).catch(() => undefined);
        t.ok(tools.withdraw(), `killed ${moment} castle-mount in ${act}`);
        await castle.end('SIGKILL');
        await castle.serve();
        // An engine repeats the call; an orphan of the last castle may still be working on the image.
        const point = await until('the volume is mounted', () => driver.mounted('main', one));
        t.same(driver.points(), [point], 'one mount');
        t.equal((await castle.ask('leases')).length, 1);
        t.match(await driver.mount('main', two), refused(/in use by the engine's mount 1111/));
        await until(
          'the volume is unmounted',
          async () => (await driver.unmount('main', one)).status === 200 || undefined,
        );
        t.same([driver.points(), await castle.ask('leases')], [[], []]);
        await untilNoLoops(castle.backend);
      }
    }
    t.same(readdirSync(join(castle.state, 'mounts')), []);
    t.equal(fsck(imageOf(castle.backend, 'main')), 0);
  });

  t.test('an engine in another mount namespace is refused', async (t) => {
    const driver = await Driver.start(t);
    await driver.call('Create', { Name: 'main' });
    const body = JSON.stringify({ Name: 'main', ID: one });
    const ask = `const a = require('node:http').request({ socketPath: '${driver.socket}', method: 'POST',
      path: '/VolumeDriver.Mount' }, (r) => r.pipe(process.stdout)); a.end('${body}')`;
    const { stdout } = await run('unshare', ['--mount', process.execPath, '-e', ask]);
    t.match(stdout, /is not in the mount namespace of the castle; run the castle and the engine as services/);
    t.same(driver.points(), []);
  });
}
