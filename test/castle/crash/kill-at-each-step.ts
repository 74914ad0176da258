import type { Test } from 'tap';
import { type Fortress, type Outcome, Siege } from './crash-harness.ts';
import { makeRoom, nameOf, type Operation, whatOf } from './crash-operations.ts';

/** No operation has so many steps. */
const mostSteps = 200;

/** Kills a castle before each step of an operation, and after the last. @returns how many times it was killed */
export async function killEverywhere(t: Test, operation: Operation, fortress: Fortress): Promise<number> {
  const name = nameOf(operation, fortress);
  const siege = await Siege.begin(t, fortress);
  t.same(await siege.useAndGiveBack('old'), [], name);
  const kill = async (moment: 'before' | 'after', at: number): Promise<Outcome> => {
    await makeRoom(t, siege, name);
    const outcome = await siege.kill(await operation.prepare(siege, `new-${moment}-${at}`), moment, at);
    t.same(outcome.faults, [], `${name}: killed ${moment} step ${at}, ${whatOf(outcome)}`);
    return outcome;
  };
  let steps = 0;
  while (steps < mostSteps && (await kill('before', steps + 1)).struck !== undefined) steps += 1;
  await kill('after', steps);
  t.same(await siege.checkAll(), [], `${name}: ${steps} steps, at the end`);
  await siege.end();
  return siege.kills;
}
