/**
 * A castle that is killed by each of its tools, which may work on as an orphan: no byte is lost, nothing is mounted twice,
 * and nothing is left over. Its own steps are those of kill-anywhere.test.ts.
 */
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Lease, Volume } from '../../../../src/protocol/contract.ts';
import { run } from '../../../kit/docker.ts';
import { program, requires, root } from '../../../kit/needs.ts';
import { until } from '../../../kit/until.ts';
import { DeadlyTools, type Moment } from '../../crash/fatal-tools.ts';
import { CastleOnHost } from '../../kit/castle-on-host.ts';
import { Tenant } from '../../kit/tenant.ts';
import { fsck, imageOf, loopDevices, loopsOf, untilNoLoops } from './loop-host.ts';

// Far above what it takes on a quiet machine.
t.setTimeout(600_000);

/** A castle that is started again and again, and two containers that outlive it. */
class Siege {
  /** What each volume holds: one line per lease that was written in. */
  readonly #expected = new Map<string, string>();
  #megabytes = 300;

  private constructor(
    readonly castle: CastleOnHost,
    readonly tools: DeadlyTools,
    readonly tenant: Tenant,
    readonly other: Tenant,
  ) {}

  static async begin(t: Test, loop = 'size=16M'): Promise<Siege> {
    const tools = new DeadlyTools(t);
    const { program, env } = tools;
    const castle = await CastleOnHost.start(t, 'process', { loop, program, env });
    return new Siege(castle, tools, await Tenant.start(t, castle), await Tenant.start(t, castle));
  }

  /** Starts the castle again, and returns when it answers. */
  async again(): Promise<void> {
    await this.castle.end('SIGKILL');
    this.castle.launch();
    await until('the castle answers again', async () => (await this.get('/v1/status')) ?? undefined);
  }

  /** Has the volume mounted in the tenant, whatever was begun; checks all that must be true then, and gives it back. */
  async checkAndGiveBack(volume: string): Promise<readonly string[]> {
    const faults: string[] = [];
    const expect = (name: string, one: unknown, other: unknown) => {
      if (JSON.stringify(one) !== JSON.stringify(other)) faults.push(`${name}: ${JSON.stringify(one)}`);
    };
    const { tenant, castle } = this;
    // An orphan of the last castle may still be at work: it has the image until it ends.
    const { id } = await until(`the tenant has ${volume}`, async () => {
      const { status, body } = await tenant.lease(volume);
      return status === 200 || status === 201 ? body : undefined;
    });
    expect('mounts in the container', (await tenant.mounts(tenant.home)).length, 1);
    expect(
      'leases',
      (await this.get<Lease[]>('/v1/leases'))?.map((lease) => lease.id),
      [id],
    );
    expect('loop devices', loopsOf(castle.backend).length, 1);
    expect('another container', (await this.other.lease(volume)).status, 409);
    const file = join(tenant.home, 'data');
    const before = this.#expected.get(volume) ?? '';
    const found = await tenant.read(file).catch(() => '');
    expect('data', found, before);
    await tenant.write(file, `${id}\n`);
    this.#expected.set(volume, `${found}${id}\n`);
    expect('given back', (await tenant.call('DELETE', `/v1/leases/${id}`)).status, 204);
    expect('mounts after', (await tenant.mounts(tenant.home)).length, 0);
    await untilNoLoops(castle.backend);
    expect('leases after', await this.get('/v1/leases'), []);
    expect(
      'left over',
      readdirSync(castle.backend).filter((name) => name.startsWith('.')),
      [],
    );
    return faults;
  }

  /** Asks the castle to make a volume larger, each time by some more; it may be killed by that. */
  grow(volume: string): Promise<unknown> {
    this.#megabytes += 4;
    return run(process.execPath, [
      ...['dist/castle.js', 'volume', 'grow', volume, `${this.#megabytes}M`, '--socket', this.castle.socket],
    ]);
  }

  /** What is wrong with the volumes when all is over. */
  async faultsAtTheEnd(): Promise<readonly string[]> {
    const volumes = (await this.get<Volume[]>('/v1/volumes')) ?? [];
    const images = readdirSync(this.castle.backend);
    return [
      ...volumes.filter(({ state }) => state !== 'ready').map(({ name }) => `${name} is not ready`),
      ...(volumes.length === images.length ? [] : [`${volumes.length} volumes, ${images.length} images`]),
      ...volumes
        .filter(({ name }) => fsck(imageOf(this.castle.backend, name)) !== 0)
        .map(({ name }) => `${name} has a damaged file system`),
    ];
  }

  get<T>(path: string): Promise<T | undefined> {
    return new Promise((resolve) => {
      const asked = request({ socketPath: this.castle.socket, path, agent: false }, async (answer) => {
        let text = '';
        for await (const part of answer) text += part;
        resolve(answer.statusCode === 200 ? (JSON.parse(text) as T) : undefined);
      });
      asked.on('error', () => resolve(undefined));
      asked.end();
    });
  }
}

if (requires(t, root, loopDevices, program('mkfs.ext4'))) {
  t.test('killed by each of its tools: before, meanwhile and after', async (t) => {
    await Promise.all([
      killByTools(t, await Siege.begin(t), [
        ['the image is allocated', 'fallocate', 1, 'new'],
        ['it is formatted', 'mkfs.ext4', 1, 'new'],
        ['its holes are filled', 'fallocate', 2, 'new'],
      ]),
      killByTools(t, await Siege.begin(t), [
        ['a new one is checked', 'e2fsck', 1, 'new'],
        ['a new one is mounted', 'castle-mount', 1, 'new'],
      ]),
      killByTools(t, await Siege.begin(t), [
        ['one with data is checked', 'e2fsck', 1, 'old'],
        ['one with data is mounted', 'castle-mount', 1, 'old'],
        ['it is unmounted', 'castle-mount', 1, 'release'],
      ]),
      killByTools(t, await Siege.begin(t, 'fs=xfs,size=300M'), [
        ['an xfs with data is mounted', 'castle-mount', 1, 'old'],
        ['it gets more room', 'fallocate', 1, 'grow'],
        ['it takes up its room', 'castle-mount', 1, 'grow'],
      ]),
    ]);
  });

  t.test(
    'a container that is killed with unwritten data leaves a file system that can be used',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { loop: 'size=64M' });
      for (let round = 0; round < 3; round++) {
        const tenant = await Tenant.start(t, castle);
        t.equal((await tenant.lease('main')).status, 201, `round ${round}`);
        await tenant.run('sh', '-c', `dd if=/dev/urandom of=${tenant.home}/dirty bs=1M count=40 2>/dev/null`);
        await tenant.write(join(tenant.home, `round-${round}`), String(round));
        await Promise.all([tenant.kill(), castle.end('SIGKILL')]);
        await castle.serve();
      }
      await untilNoLoops(castle.backend);
      t.equal(fsck(imageOf(castle.backend, 'main')), 0);
      const last = await Tenant.start(t, castle);
      await last.lease('main');
      for (let round = 0; round < 3; round++) {
        t.equal(await last.read(join(last.home, `round-${round}`)), String(round));
      }
    },
  );
}

/** What is done, which of the castle's tools kills it at which call, and to what. */
type Step = readonly [string, string, number, 'new' | 'old' | 'release' | 'grow'];

/** Kills a castle by its tools, three times for each step. */
async function killByTools(t: Test, siege: Siege, steps: readonly Step[]): Promise<void> {
  const { tenant, tools } = siege;
  t.same(await siege.checkAndGiveBack('old'), []);
  for (const [n, [name, tool, call, kind]] of steps.entries()) {
    for (const moment of ['before', 'meanwhile', 'after'] satisfies Moment[]) {
      const volume = kind === 'new' ? `new-${n}-${moment}` : 'old';
      const isThere = kind === 'release' || kind === 'grow';
      const lease = isThere ? (await tenant.lease(volume)).body.id : '';
      const act = {
        new: () => tenant.lease(volume),
        old: () => tenant.lease(volume),
        release: () => tenant.call('DELETE', `/v1/leases/${lease}`),
        grow: () => siege.grow(volume),
      };
      tools.order(tool, call, moment);
      await act[kind]();
      t.ok(tools.withdraw(), `killed ${moment}: ${name}`);
      await siege.again();
      t.same(await siege.checkAndGiveBack(volume), [], `killed ${moment}: ${name}`);
    }
  }
  t.same(await siege.faultsAtTheEnd(), []);
}
