import type { Test } from 'tap';
import type { CrashBackend } from './crash-harness.ts';
import { clearWhenFull, describe, nameOf, type Operation } from './crash-operations.ts';
import { StepInterrupter } from './step-interrupter.ts';

/** No operation has so many steps. */
const maxSteps = 200;

/** How often a castle was killed, and how often that was not needed. */
export interface KillCount {
  readonly kills: number;
  /** Kills that would leave what an earlier one left, whose recovery has been checked. */
  readonly skipped: number;
}

/**
 * Kills a castle before each step of an operation, and after the last. It runs the operation once without a kill, and
 * looks before each step at what a kill would leave; a step before which that is the same as before an earlier one needs
 * no kill. A flush is such a step, and so is a page of the store that nothing refers to yet.
 * @param skips false kills at every step all the same
 */
export async function killAtEachStep(
  t: Test,
  operation: Operation,
  backend: CrashBackend,
  skips = true,
): Promise<KillCount> {
  const name = nameOf(operation, backend);
  const interrupter = await StepInterrupter.start(t, backend);
  const { harness } = interrupter;
  t.same(await harness.useAndRelease('old'), [], name);
  const prepare = async (volume: string) => {
    await clearWhenFull(t, harness, name);
    return operation.prepare(harness, volume);
  };
  const kill = async (moment: 'before' | 'after', at: number) => {
    const result = await interrupter.kill(await prepare(`new-${moment}-${at}`), moment, at);
    t.same(result.faults, [], `${name}: killed ${moment} step ${at}, ${describe(result)}`);
    return result;
  };
  const { images, faults } = await interrupter.images(await prepare('new-images'));
  t.same(faults, [], `${name}: not killed, ${images.length} steps`);
  const seen = new Set<string>();
  let [step, skipped] = [1, 0];
  for (; step < maxSteps; step++) {
    const image = images[step - 1];
    if (skips && image !== undefined && seen.has(image)) {
      skipped += 1;
      continue;
    }
    if (image !== undefined) seen.add(image);
    if ((await kill('before', step)).struck === undefined) break;
  }
  await kill('after', step - 1);
  t.same(await harness.checkAll(), [], `${name}: ${step - 1} steps, at the end`);
  await harness.end();
  return { kills: interrupter.kills, skipped };
}
