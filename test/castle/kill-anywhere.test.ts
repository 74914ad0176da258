/**
 * A castle that is killed at every step of its work, on every backend: no byte is lost, nothing is mounted twice, and
 * nothing is left over. CASTLE_KILL=text picks operations and backends whose names have it.
 */
import t, { type Test } from 'tap';
import { program, requires, root } from '../kit/needs.ts';
import { type Operation, operations } from './fortresses.ts';
import { loopDevices } from './loop-host.ts';
import { type Fortress, Siege } from './siege.ts';

const picked = process.env['CASTLE_KILL'] ?? '';

/** How many castles are besieged at the same time: most of the time goes into starts, on one CPU each. */
const atOnce = 3;
/** No operation has so many steps. */
const mostSteps = 200;
// Far above what it takes on a quiet machine.
t.setTimeout(1_200_000);

if (requires(t, root, loopDevices, program('cc'), program('mkfs.ext4'), program('mkfs.xfs'))) {
  t.test('killed before and after every step of every operation', async (t) => {
    const begin = performance.now();
    const sieges = operations.flatMap((operation) =>
      operation.on.map((fortress) => ({ operation, fortress })),
    );
    const left = sieges.filter(({ operation, fortress }) =>
      `${operation.name}, ${fortress.name}`.includes(picked),
    );
    let kills = 0;
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        kills += await killEverywhere(t, next.operation, next.fortress);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    t.comment(`${kills} kills in ${Math.round((performance.now() - begin) / 1000)} s`);
    if (picked === '') t.ok(kills >= 500, `${kills} kills`);
  });
}

/** @returns how many times the castle was killed */
async function killEverywhere(t: Test, operation: Operation, fortress: Fortress): Promise<number> {
  const name = `${operation.name}, ${fortress.name}`;
  const siege = await Siege.begin(t, fortress);
  t.same(await siege.useAndGiveBack('old'), [], name);
  let kills = 0;
  for (const moment of ['before', 'after'] as const) {
    for (let at = 1; at < mostSteps; at++) {
      t.same(await siege.makeRoom(), [], name);
      const act = await operation.prepare(siege, `new-${moment}-${at}`);
      const { struck, faults } = await siege.kill(act, moment, at);
      t.same(faults, [], `${name}: killed ${moment} step ${at}, ${struck?.what ?? 'which it has not'}`);
      if (struck === undefined) break;
      kills += 1;
    }
  }
  t.same(await siege.checkAll(), [], `${name}: at the end`);
  await siege.castle.end('SIGTERM');
  return kills;
}
