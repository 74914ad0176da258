/**
 * A castle that is killed at every step of its work with EBS, when it runs a tool and when it calls EC2. Afterwards there is
 * one volume, no data is lost, nothing is mounted twice, and no garbage remains. CASTLE_KILLS sets the number of random
 * kills, CASTLE_SEED their moments.
 */
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { program, requires, root } from '../../../kit/needs.ts';
import { Random } from '../../../kit/random.ts';
import { until } from '../../../kit/until.ts';
import { ebsOn } from '../../crash/crash-backends.ts';
import { CrashHarness } from '../../crash/crash-harness.ts';
import { FatalTools, type Moment } from '../../crash/fatal-tools.ts';
import { Simulator } from '../../ec2-simulator/simulator.ts';
import { loopDevices } from '../loop/loop-host.ts';

const kills = Number(process.env['CASTLE_KILLS'] ?? 12);
t.setTimeout(0);

/** The operation during which the castle is killed. */
type EbsOperation = 'new' | 'old' | 'release' | 'grow';

/** A castle on an instance of a simulated EC2, whose tools can kill it. */
class EbsCrash {
  #gigabytes = 1;

  private constructor(
    readonly ec2: Simulator,
    readonly tools: FatalTools,
    readonly harness: CrashHarness,
  ) {}

  static async start(t: Test): Promise<EbsCrash> {
    const [ec2, tools] = [await Simulator.start(t), new FatalTools(t)];
    return new EbsCrash(ec2, tools, await CrashHarness.start(t, ebsOn(ec2), tools));
  }

  /** Starts an operation. @returns resolves when the castle has responded or exited */
  async begin(operation: EbsOperation, volume: string): Promise<{ readonly over: Promise<unknown> }> {
    const { container } = this.harness;
    if (operation === 'new' || operation === 'old') return { over: container.lease(volume) };
    const { id } = (await container.lease(volume)).body;
    if (operation === 'release') return { over: container.call('DELETE', `/v1/leases/${id}`) };
    this.#gigabytes += 1;
    const sizeBytes = this.#gigabytes * 2 ** 30;
    return { over: this.harness.request('POST', `/v1/volumes/${volume}/size`, { sizeBytes }) };
  }

  /** Mounts and releases the volume, and checks all invariants. @returns the violations */
  async faults(volume: string): Promise<readonly string[]> {
    return [...(await this.harness.useAndRelease(volume)), ...(await this.harness.checkContents())];
  }
}

/** The operation, the tool that kills the castle, and at which call of it. */
type ToolStep = readonly [EbsOperation, string, number];

async function killByTools(t: Test, steps: readonly ToolStep[]): Promise<void> {
  const crash = await EbsCrash.start(t);
  t.same(await crash.faults('old'), []);
  for (const [operation, tool, call] of steps) {
    for (const moment of ['before', 'meanwhile', 'after'] satisfies Moment[]) {
      const volume = operation === 'new' ? `new-${tool}-${moment}` : 'old';
      crash.tools.order(tool, call, moment);
      await (await crash.begin(operation, volume)).over.catch(() => undefined);
      t.ok(crash.tools.withdraw(), `${operation}: killed ${moment} ${tool}`);
      await crash.harness.restart();
      t.same(await crash.faults(volume), [], `${operation}: killed ${moment} ${tool}`);
    }
  }
}

/** The operation, and the EC2 API call at which the castle is killed. */
type CallStep = readonly [EbsOperation, string];

async function killByCalls(t: Test, steps: readonly CallStep[]): Promise<void> {
  const crash = await EbsCrash.start(t);
  const { ec2, harness } = crash;
  t.same(await crash.faults('old'), []);
  for (const [operation, action] of steps) {
    // Either the request never reaches EC2, or EC2 executes it and the response is lost.
    for (const kind of ['lost-request', 'lost-answer'] as const) {
      const volume = operation === 'new' ? `new-${action}-${kind}`.toLowerCase() : 'old';
      await ec2.forgetCalls();
      await ec2.fault({ kind, action });
      const begun = await crash.begin(operation, volume);
      await until(`${action} was called`, async () =>
        (await ec2.calls(action)).some(({ outcome }) => outcome === kind) ? true : undefined,
      );
      await harness.castle.end('SIGKILL');
      await begun.over.catch(() => undefined);
      await ec2.clearFaults();
      await crash.harness.restart();
      t.same(await crash.faults(volume), [], `${operation}: killed by a ${kind} of ${action}`);
    }
  }
}

/** Kills a castle at random moments. */
async function killAtRandom(t: Test, times: number, random: Random): Promise<void> {
  const crash = await EbsCrash.start(t);
  t.same(await crash.faults('old-0'), []);
  const began = performance.now();
  t.same(await crash.faults('first'), []);
  const wholeMs = performance.now() - began;
  for (let round = 0; round < times; round++) {
    const volume = random.chance(0.5) ? `new-${round}` : 'old-0';
    const life = crash
      .begin('release', volume)
      .then(({ over }) => over)
      .catch(() => undefined);
    await pause(random.next() * wholeMs);
    await crash.harness.castle.end('SIGKILL');
    await life;
    await crash.harness.restart();
    t.same(await crash.faults(volume), [], `round ${round}, ${volume}`);
  }
}

if (requires(t, root, loopDevices, program('mkfs.ext4'))) {
  t.test(
    'a castle that is killed before, during or after a tool loses no data and leaves no garbage',
    async (t) => {
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
    },
  );

  t.test(
    'a castle that is killed before or after an EC2 call loses no data and leaves no garbage',
    async (t) => {
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
    },
  );

  t.test(
    `a castle that is killed ${kills} times at random loses no data and leaves no garbage`,
    async (t) => {
      const { seed } = Random.ofTest(t, 'CASTLE_SEED', 20_251);
      await Promise.all([0, 1].map((n) => killAtRandom(t, Math.ceil(kills / 2), new Random(seed + n))));
    },
  );
}
