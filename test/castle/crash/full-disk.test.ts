/**
 * The disk becomes full at every step of the castle's operations, on every backend. The castle refuses the request, no data is
 * lost, no garbage is left, and all works again when there is room. CASTLE_KILL=text selects the operations and
 * backends whose names contain the text, such as `release, loop xfs`.
 */
import t, { type Test } from 'tap';
import { program, requires, root } from '../../kit/needs.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import type { CrashBackend } from './crash-harness.ts';
import {
  clearWhenFull,
  concurrently,
  crashCases,
  describe,
  nameOf,
  type Operation,
} from './crash-operations.ts';
import { StepInterrupter } from './step-interrupter.ts';

/** More steps than any operation has. */
const mostSteps = 200;
t.setTimeout(0);

if (requires(t, root, loopDevices, program('cc'), program('mkfs.ext4'), program('mkfs.xfs'))) {
  t.test(
    'no data is lost when one step fails on a full disk, or when this step and all later steps fail',
    async (t) => {
      const begin = performance.now();
      let times = 0;
      const asked = crashCases(process.env['CASTLE_KILL'] ?? '').filter(
        ({ operation }) => operation.isCompletedLater !== true,
      );
      await concurrently(asked, async ({ operation, backend }) => {
        const more = await failEverywhere(t, operation, backend);
        times += more;
      });
      t.comment(`${times} failed steps in ${Math.round((performance.now() - begin) / 1000)} s`);
      t.not(times, 0);
    },
  );
}

/** Lets each step of an operation fail. @returns the number of failed steps */
async function failEverywhere(t: Test, operation: Operation, backend: CrashBackend): Promise<number> {
  const name = nameOf(operation, backend);
  const interrupter = await StepInterrupter.start(t, backend);
  const { harness } = interrupter;
  t.same(await harness.useAndRelease('old'), [], name);
  let times = 0;
  for (const moment of ['fails once', 'fails from then on'] as const) {
    for (let at = 1; at < mostSteps; at++) {
      await clearWhenFull(t, harness, name);
      const prepared = await operation.prepare(harness, `new-${moment.replaceAll(' ', '-')}-${at}`);
      const result = await interrupter.fail(prepared, moment, at);
      t.same(result.faults, [], `${name}: ${moment}, step ${at}, ${describe(result)}`);
      if (result.struck === undefined) break;
      times += 1;
    }
  }
  await harness.restart();
  t.same(await harness.checkAll(), [], `${name}: at the end`);
  await harness.end();
  return times;
}
