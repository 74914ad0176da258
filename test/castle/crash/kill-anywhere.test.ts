/**
 * A castle is killed at every step of its operations, on every backend. No data is lost, no volume is mounted twice, and
 * no garbage is left. A kill after a step leaves the same state as one before the next step, so only the latter is tested
 * for each step; random kills do both. CASTLE_KILLS sets the number of random kills, CASTLE_SEED their order, and
 * CASTLE_KILL=text selects the operations and backends whose names contain the text, such as `release, loop xfs`.
 */
import t, { type Test } from 'tap';
import { program, requires, root } from '../../kit/needs.ts';
import { Random } from '../../kit/random.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import { crashBackends } from './crash-backends.ts';
import type { CrashBackend } from './crash-harness.ts';
import {
  clearWhenFull,
  concurrently,
  crashCases,
  describe,
  nameOf,
  type Operation,
  operations,
} from './crash-operations.ts';
import { killAtEachStep } from './kill-at-each-step.ts';
import { StepInterrupter } from './step-interrupter.ts';

const randomKills = Number(process.env['CASTLE_KILLS'] ?? 60);
const picked = process.env['CASTLE_KILL'] ?? '';

/** The range of steps for random kills: most operations have no more than this. */
const usualSteps = 14;
t.setTimeout(0);

if (requires(t, root, loopDevices, program('cc'), program('mkfs.ext4'), program('mkfs.xfs'))) {
  let [kills, skipped] = [0, 0];

  t.test(
    'a castle that is killed at any step of any operation loses no data and leaves no garbage',
    async (t) => {
      const begin = performance.now();
      await concurrently(crashCases(picked), async ({ operation, backend }) => {
        // The first operation is killed at each step without skipping, which checks that skipping hides no fault.
        const count = await killAtEachStep(t, operation, backend, operation !== operations[0]);
        kills += count.kills;
        skipped += count.skipped;
        t.comment(`${nameOf(operation, backend)}: ${count.kills} kills, ${count.skipped} skipped`);
      });
      const seconds = Math.round((performance.now() - begin) / 1000);
      t.comment(
        `${kills} kills in ${seconds} s; ${skipped} skipped, because an earlier kill left the same state`,
      );
    },
  );

  t.test(
    `a castle that is killed ${randomKills} times at random, also while it starts, loses no data and leaves no garbage`,
    async (t) => {
      const begin = performance.now();
      const before = kills;
      const { seed } = Random.ofTest(t, 'CASTLE_SEED', 20_261);
      await concurrently([...crashBackends.entries()], async ([n, backend]) => {
        const times = Math.ceil(randomKills / crashBackends.length);
        const more = await killAtRandom(t, backend, new Random(seed + n), times);
        kills += more;
      });
      t.comment(`${kills - before} kills in ${Math.round((performance.now() - begin) / 1000)} s`);
    },
  );

  if (picked === '') {
    t.test('the castle was killed at 500 or more places', async (t) => {
      t.ok(kills + skipped >= 500, `${kills} kills, ${skipped} skipped`);
    });
  }
}

/** Kills a castle at random steps. @returns the number of kills, those during starts included */
async function killAtRandom(t: Test, backend: CrashBackend, random: Random, times: number): Promise<number> {
  const possible = operations.filter(({ on }) => on.includes(backend));
  const interrupter = await StepInterrupter.start(t, backend);
  const { harness } = interrupter;
  await harness.useAndRelease('old');
  for (let round = 0; round < times; round++) {
    const operation: Operation = random.pick(possible);
    const name = `seed ${random.seed}, round ${round}, ${nameOf(operation, backend)}`;
    await clearWhenFull(t, harness, name);
    const moment = random.chance(0.5) ? 'before' : 'after';
    const at = 1 + random.below(usualSteps);
    const startsToo = Array.from({ length: random.below(3) }, () => 1 + random.below(usualSteps));
    const prepared = await operation.prepare(harness, `new-${round}`);
    const result = await interrupter.kill(prepared, moment, at, startsToo);
    t.same(
      result.faults,
      [],
      `${name}: killed ${moment} step ${at}, ${describe(result)}, starts ${startsToo}`,
    );
  }
  t.same(await harness.checkAll(), [], `seed ${random.seed}, ${backend.name}: at the end`);
  await harness.end();
  return interrupter.kills;
}
