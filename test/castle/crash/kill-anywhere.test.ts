/**
 * A castle that is killed at every step of its work, on every backend: no byte is lost, nothing is mounted twice, and
 * nothing is left over. A kill after a step leaves the same as one before the next step, so each is done once; random kills
 * do both. CASTLE_KILLS sets how many random kills there are, CASTLE_SEED which ones, and CASTLE_KILL=text picks the
 * operations and backends whose names have it, as in `release, loop xfs`.
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

/** Most operations have so many steps; those of random kills are among them. */
const usualSteps = 14;
t.setTimeout(0);

if (requires(t, root, loopDevices, program('cc'), program('mkfs.ext4'), program('mkfs.xfs'))) {
  let [kills, skipped] = [0, 0];

  t.test('killed at every step of every operation', async (t) => {
    const begin = performance.now();
    await concurrently(crashCases(picked), async ({ operation, backend }) => {
      // The first operation is killed at each step all the same: that is how the skipping itself is checked.
      const count = await killAtEachStep(t, operation, backend, operation !== operations[0]);
      kills += count.kills;
      skipped += count.skipped;
      t.comment(`${nameOf(operation, backend)}: ${count.kills} kills, ${count.skipped} skipped`);
    });
    const seconds = Math.round((performance.now() - begin) / 1000);
    t.comment(`${kills} kills in ${seconds} s; ${skipped} skipped, which leave the same as an earlier one`);
  });

  t.test(`killed ${randomKills} times at random, and again while it starts`, async (t) => {
    const begin = performance.now();
    const before = kills;
    const { seed } = Random.ofTest(t, 'CASTLE_SEED', 20_261);
    await concurrently([...crashBackends.entries()], async ([n, backend]) => {
      const times = Math.ceil(randomKills / crashBackends.length);
      const more = await killAtRandom(t, backend, new Random(seed + n), times);
      kills += more;
    });
    t.comment(`${kills - before} kills in ${Math.round((performance.now() - begin) / 1000)} s`);
  });

  if (picked === '') {
    t.test('at least 500 places to be killed at', async (t) => {
      t.ok(kills + skipped >= 500, `${kills} kills, ${skipped} skipped`);
    });
  }
}

/** @returns how many times the castle was killed, its starts included */
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
