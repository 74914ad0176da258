import type { Test } from 'tap';
import type { CrashBackend } from './crash-harness.ts';
import { clearWhenFull, describe, nameOf, type Operation } from './crash-operations.ts';
import { StepInterrupter } from './step-interrupter.ts';

/** More steps than any operation has. */
const maxSteps = 200;

/** The number of kills, and of kills that were not needed. */
export interface KillCount {
  readonly kills: number;
  /** Kills that would leave the same state as an earlier kill, whose recovery has been checked. */
  readonly skipped: number;
}

/**
 * Kills a castle before each step of an operation, and after the last step. It first runs the operation without a kill and
 * computes before each step the image that a kill would leave (crash-image.ts). A step with the same image as an earlier
 * one is skipped: for example a flush, or the write of a store page that nothing refers to yet.
 * @param skips false: no step is skipped
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
