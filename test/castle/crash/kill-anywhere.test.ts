/**
 * A castle that is killed at every step of its work, on every backend: no byte is lost, nothing is mounted twice, and
 * nothing is left over. A kill after a step leaves the same behind as one before the next step, so each is done once;
 * those by chance do both. CASTLE_KILLS says how many these are, CASTLE_SEED which ones, and CASTLE_KILL=text picks the
 * operations and backends whose names have it, as in `release, loop xfs`.
 */
import t, { type Test } from 'tap';
import { program, requires, root } from '../../kit/needs.ts';
import { numbers } from '../../kit/numbers.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import { fortresses } from './crash-backends.ts';
import { type Fortress, Siege } from './crash-harness.ts';
import {
  makeRoom,
  nameOf,
  type Operation,
  operations,
  severalAtOnce,
  sieges,
  whatOf,
} from './crash-operations.ts';
import { killEverywhere } from './kill-at-each-step.ts';

const byChance = Number(process.env['CASTLE_KILLS'] ?? 60);
const seed = Number(process.env['CASTLE_SEED'] ?? 20_261);
const picked = process.env['CASTLE_KILL'] ?? '';

/** Most operations have so many steps; those by chance are among them. */
const usualSteps = 14;
// Far above what it takes on a quiet machine.
t.setTimeout(1_700_000);

if (requires(t, root, loopDevices, program('cc'), program('mkfs.ext4'), program('mkfs.xfs'))) {
  let kills = 0;

  t.test('killed at every step of every operation', async (t) => {
    const begin = performance.now();
    await severalAtOnce(sieges(picked), async ({ operation, fortress }) => {
      const more = await killEverywhere(t, operation, fortress);
      kills += more;
    });
    t.comment(`${kills} kills in ${Math.round((performance.now() - begin) / 1000)} s`);
  });

  t.test(`killed ${byChance} times by chance, and again while it starts`, async (t) => {
    const begin = performance.now();
    const before = kills;
    await severalAtOnce(fortresses, async (fortress) => {
      const more = await killByChance(t, fortress, Math.ceil(byChance / fortresses.length));
      kills += more;
    });
    t.comment(`${kills - before} kills in ${Math.round((performance.now() - begin) / 1000)} s`);
  });

  if (picked === '') {
    t.test('at least 500 kills in all', async (t) => {
      t.ok(kills >= 500, `${kills} kills`);
    });
  }
}

/** @returns how many times the castle was killed, its starts included */
async function killByChance(t: Test, fortress: Fortress, times: number): Promise<number> {
  const random = numbers(seed + fortresses.indexOf(fortress));
  const upTo = (most: number) => Math.floor(random() * most);
  const possible = operations.filter(({ on }) => on.includes(fortress));
  const siege = await Siege.begin(t, fortress);
  await siege.useAndGiveBack('old');
  for (let round = 0; round < times; round++) {
    const operation = possible[upTo(possible.length)] as Operation;
    const name = `CASTLE_SEED=${seed}, round ${round}, ${nameOf(operation, fortress)}`;
    await makeRoom(t, siege, name);
    const moment = random() < 0.5 ? 'before' : 'after';
    const at = 1 + upTo(usualSteps);
    const startsToo = Array.from({ length: upTo(3) }, () => 1 + upTo(usualSteps));
    const outcome = await siege.kill(await operation.prepare(siege, `new-${round}`), moment, at, startsToo);
    t.same(
      outcome.faults,
      [],
      `${name}: killed ${moment} step ${at}, ${whatOf(outcome)}, starts ${startsToo}`,
    );
  }
  t.same(await siege.checkAll(), [], `CASTLE_SEED=${seed}, ${fortress.name}: at the end`);
  await siege.end();
  return siege.kills;
}
