import { spawnSync } from 'node:child_process';
import type { Test } from 'tap';
import { asProcess1 } from '../kit/namespace.ts';
import { bailey } from './bailey-init.ts';

/** The two ways in which bailey-init reaps, which must behave the same. */
export const ways = ['kernel', 'wait'] as const;
export type Way = (typeof ways)[number];

/** Runs a test once for each way of reaping. Reaping by the kernel is skipped where the kernel cannot do it. */
export function eachWay(t: Test, name: string, test: (t: Test, way: Way) => Promise<void>): void {
  for (const way of ways) {
    const missing = way === 'kernel' ? kernelReapingMissing() : undefined;
    const inCi = process.env['CI'] === 'true';
    t.test(`${name} (${way})`, missing === undefined || inCi ? {} : { skip: missing }, async (sub) => {
      if (missing !== undefined) sub.fail(`skipped in CI: ${missing}`);
      else await test(sub, way);
    });
  }
}

let cached: { readonly missing: string | undefined } | undefined;

/** Why the kernel here cannot reap, as bailey-init reports it; undefined when it can. */
export function kernelReapingMissing(): string | undefined {
  if (cached === undefined) {
    const [program, ...args] = asProcess1([bailey, '--reap', 'kernel', 'true']) as [string, ...string[]];
    const warning = spawnSync(program, args, { encoding: 'utf8' }).stderr.trim();
    cached = { missing: warning === '' ? undefined : warning };
  }
  return cached.missing;
}
