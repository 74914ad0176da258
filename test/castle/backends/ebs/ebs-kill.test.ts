/**
 * A castle that is killed at every step of its work with EBS, by the tools that it runs and by the calls that it makes:
 * there is one volume, no byte is lost, nothing is mounted twice, and nothing is left over. CASTLE_KILLS says how often it
 * is killed at moments by chance, CASTLE_SEED which moments these are.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { program, requires, root } from '../../../kit/needs.ts';
import { numbers } from '../../../kit/numbers.ts';
import { until } from '../../../kit/until.ts';
import { DeadlyTools, type Moment } from '../../crash/fatal-tools.ts';
import { Simulator } from '../../ec2-simulator/simulator.ts';
import type { CastleOnHost } from '../../kit/castle-on-host.ts';
import { Tenant } from '../../kit/tenant.ts';
import { loopDevices } from '../loop/loop-host.ts';
import { startOnInstance, untilDetached, volumesIn } from './ebs-host.ts';

const kills = Number(process.env['CASTLE_KILLS'] ?? 12);
const seed = Number(process.env['CASTLE_SEED'] ?? 20_251);
// Far above what it takes on a quiet machine.
t.setTimeout(600_000);

/** What is done when the castle is killed. */
type Act = 'new' | 'old' | 'release' | 'grow';

/** A castle that is started again and again on one instance, and two containers that outlive it. */
class Siege {
  /** What each volume holds: one line per lease that was written in. */
  readonly #expected = new Map<string, string>();
  #gigabytes = 1;

  private constructor(
    readonly ec2: Simulator,
    readonly castle: CastleOnHost,
    readonly tools: DeadlyTools,
    readonly tenant: Tenant,
    readonly other: Tenant,
  ) {}

  static async begin(t: Test): Promise<Siege> {
    const [ec2, tools] = [await Simulator.start(t), new DeadlyTools(t)];
    const { program, env } = tools;
    const castle = await startOnInstance(t, ec2, { program, env });
    return new Siege(ec2, castle, tools, await Tenant.start(t, castle), await Tenant.start(t, castle));
  }

  /** Begins an act. @returns resolves when the castle has answered, or has ended */
  async begin(act: Act, volume: string): Promise<{ readonly over: Promise<unknown> }> {
    const { tenant } = this;
    if (act === 'new' || act === 'old') return { over: tenant.lease(volume) };
    const { id } = (await tenant.lease(volume)).body;
    if (act === 'release') return { over: tenant.call('DELETE', `/v1/leases/${id}`) };
    this.#gigabytes += 1;
    return { over: this.castle.post(`/v1/volumes/${volume}/size`, { sizeBytes: this.#gigabytes * 2 ** 30 }) };
  }

  async again(): Promise<void> {
    await this.castle.end('SIGKILL');
    await this.castle.serve();
  }

  /** Has the volume mounted in the tenant, whatever was begun; checks all that must be true then, and gives it back. */
  async faults(volume: string): Promise<readonly string[]> {
    const faults: string[] = [];
    const expect = (name: string, one: unknown, other: unknown) => {
      if (JSON.stringify(one) !== JSON.stringify(other)) faults.push(`${name}: ${JSON.stringify(one)}`);
    };
    const { ec2, castle, tenant, other } = this;
    // An orphan of the last castle may still be at work, and EC2 with what was asked of it.
    const { id } = await until(`the tenant has ${volume}`, async () => {
      const { status, body } = await tenant.lease(volume);
      return status === 200 || status === 201 ? body : undefined;
    });
    expect('mounts in the container', (await tenant.mounts(tenant.home)).length, 1);
    expect(
      'leases',
      (await castle.ask('leases')).map((lease) => lease.id),
      [id],
    );
    expect('another container', (await other.lease(volume)).status, 409);
    const file = join(tenant.home, 'data');
    const found = await tenant.read(file).catch(() => '');
    expect('data', found, this.#expected.get(volume) ?? '');
    await tenant.write(file, `${id}\n`);
    this.#expected.set(volume, `${found}${id}\n`);
    expect('given back', (await tenant.call('DELETE', `/v1/leases/${id}`)).status, 204);
    expect('mounts after', (await tenant.mounts(tenant.home)).length, 0);
    await untilDetached(ec2);
    expect('leases after', await castle.ask('leases'), []);
    const volumes = (await volumesIn(ec2)).map(
      ({ tags }) => `${tags['castle-volume']} ${tags['castle-state']}`,
    );
    expect(
      'volumes',
      volumes.sort(),
      [...this.#expected.keys()].sort().map((name) => `${name} ready`),
    );
    return faults;
  }
}

/** What is done, and which of the castle's tools kills it at which call. */
type ToolStep = readonly [Act, string, number];

async function killByTools(t: Test, steps: readonly ToolStep[]): Promise<void> {
  const siege = await Siege.begin(t);
  t.same(await siege.faults('old'), []);
  for (const [act, tool, call] of steps) {
    for (const moment of ['before', 'meanwhile', 'after'] satisfies Moment[]) {
      const volume = act === 'new' ? `new-${tool}-${moment}` : 'old';
      siege.tools.order(tool, call, moment);
      await (await siege.begin(act, volume)).over.catch(() => undefined);
      t.ok(siege.tools.withdraw(), `${act}: killed ${moment} ${tool}`);
      await siege.again();
      t.same(await siege.faults(volume), [], `${act}: killed ${moment} ${tool}`);
    }
  }
}

/** What is done, and by which call of EC2's API the castle is killed. */
type CallStep = readonly [Act, string];

async function killByCalls(t: Test, steps: readonly CallStep[]): Promise<void> {
  const siege = await Siege.begin(t);
  const { ec2, castle } = siege;
  t.same(await siege.faults('old'), []);
  for (const [act, action] of steps) {
    // The request never comes to EC2; or it is done, and the answer never comes back.
    for (const kind of ['lost-request', 'lost-answer'] as const) {
      const volume = act === 'new' ? `new-${action}-${kind}`.toLowerCase() : 'old';
      await ec2.forgetCalls();
      await ec2.fault({ kind, action });
      const begun = await siege.begin(act, volume);
      await until(`${action} is asked for`, async () =>
        (await ec2.calls(action)).some(({ outcome }) => outcome === kind) ? true : undefined,
      );
      await castle.end('SIGKILL');
      await begun.over.catch(() => undefined);
      await ec2.clearFaults();
      await siege.again();
      t.same(await siege.faults(volume), [], `${act}: killed by a ${kind} of ${action}`);
    }
  }
}

/** Kills a castle at moments by chance. */
async function killByChance(t: Test, times: number, random: () => number): Promise<void> {
  const siege = await Siege.begin(t);
  t.same(await siege.faults('old-0'), []);
  const began = performance.now();
  t.same(await siege.faults('first'), []);
  const wholeMs = performance.now() - began;
  for (let round = 0; round < times; round++) {
    const volume = random() < 0.5 ? `new-${round}` : 'old-0';
    const life = siege
      .begin('release', volume)
      .then(({ over }) => over)
      .catch(() => undefined);
    await pause(random() * wholeMs);
    await siege.castle.end('SIGKILL');
    await life;
    await siege.again();
    t.same(await siege.faults(volume), [], `round ${round}, ${volume}`);
  }
}

if (requires(t, root, loopDevices, program('mkfs.ext4'))) {
  t.test('killed by each of its tools: before, meanwhile and after', async (t) => {
    await Promise.all([
      killByTools(t, [
        ['new', 'mkfs.ext4', 1],
        ['new', 'castle-mount', 1],
      ]),
      killByTools(t, [
        ['old', 'e2fsck', 1],
        ['old', 'castle-mount', 1],
        ['release', 'castle-mount', 2],
      ]),
    ]);
  });

  t.test('killed by each of its calls: before EC2 hears of it, and after it was done', async (t) => {
    await Promise.all([
      killByCalls(t, [
        ['new', 'CreateVolume'],
        ['new', 'AttachVolume'],
        ['new', 'CreateTags'],
      ]),
      killByCalls(t, [
        ['old', 'AttachVolume'],
        ['release', 'DetachVolume'],
      ]),
    ]);
  });

  t.test(`killed ${kills} times by chance`, async (t) => {
    t.comment(`CASTLE_SEED=${seed}`);
    await Promise.all([0, 1].map((n) => killByChance(t, Math.ceil(kills / 2), numbers(seed + n))));
  });
}
