/**
 * A disk that is full at every step of the castle's work, on every backend: what is asked for is refused, nothing is lost,
 * nothing is left over, and when there is room again all goes on. CASTLE_KILL=text picks the operations and backends whose
 * names have it, as in `release, loop xfs`.
 */
import t, { type Test } from 'tap';
import { program, requires, root } from '../../kit/needs.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import { type Fortress, Siege } from './crash-harness.ts';
import { makeRoom, nameOf, type Operation, severalAtOnce, sieges, whatOf } from './crash-operations.ts';

/** No operation has so many steps. */
const mostSteps = 200;
// Far above what it takes on a quiet machine.
t.setTimeout(1_200_000);

if (requires(t, root, loopDevices, program('cc'), program('mkfs.ext4'), program('mkfs.xfs'))) {
  t.test('a step fails, or all from one on', async (t) => {
    const begin = performance.now();
    let times = 0;
    const asked = sieges(process.env['CASTLE_KILL'] ?? '').filter(
      ({ operation }) => operation.isMadeUpForLater !== true,
    );
    await severalAtOnce(asked, async ({ operation, fortress }) => {
      const more = await failEverywhere(t, operation, fortress);
      times += more;
    });
    t.comment(`${times} times in ${Math.round((performance.now() - begin) / 1000)} s`);
    t.not(times, 0);
  });
}

/** @returns how many times a step failed */
async function failEverywhere(t: Test, operation: Operation, fortress: Fortress): Promise<number> {
  const name = nameOf(operation, fortress);
  const siege = await Siege.begin(t, fortress);
  t.same(await siege.useAndGiveBack('old'), [], name);
  let times = 0;
  for (const moment of ['fails once', 'fails from then on'] as const) {
    for (let at = 1; at < mostSteps; at++) {
      await makeRoom(t, siege, name);
      const act = await operation.prepare(siege, `new-${moment.replaceAll(' ', '-')}-${at}`);
      const outcome = await siege.fail(act, moment, at);
      t.same(outcome.faults, [], `${name}: ${moment}, step ${at}, ${whatOf(outcome)}`);
      if (outcome.struck === undefined) break;
      times += 1;
    }
  }
  await siege.again();
  t.same(await siege.checkAll(), [], `${name}: at the end`);
  await siege.end();
  return times;
}
