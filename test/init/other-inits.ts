import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { compile } from '../kit/compile.ts';
import { asProcess1, type Ended } from '../kit/namespace.ts';
import { type Need, program } from '../kit/needs.ts';
import { bailey } from './bailey-init.ts';
import { kernelReapingMissing } from './reaping-ways.ts';

/** The dialects of bailey-init; docker-init is tini under Docker's name. */
export const dialects = ['tini', 'docker-init', 'dumb-init', 'catatonit'] as const;
export type Dialect = (typeof dialects)[number];

/** bailey-init under the name of another program: the path of a symbolic link, which the test's teardown removes. */
export function baileyInitAs(t: Test, name: Dialect): string {
  const folder = mkdtempSync(join(tmpdir(), 'bailey-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  symlinkSync(bailey, `${folder}/${name}`);
  return `${folder}/${name}`;
}

/** The name in PATH of the real program of a dialect. */
export const realProgramOf = (dialect: Dialect): string => (dialect === 'docker-init' ? 'tini' : dialect);

/** A requirement: the real programs, as the distribution packages them. */
export const otherInits = (): Need => {
  const missing = ['tini', 'dumb-init', 'catatonit'].map((name) => program(name)()).filter((need) => need);
  return missing.length === 0 ? undefined : missing.join('; ');
};

/**
 * Runs a test of a dialect with both ways of reaping. The dialects have no option for that, so for `wait` a seccomp filter
 * refuses what reaping by the kernel needs.
 * @param test gets the words to put before the command line of the init
 */
export function eachReaping(
  t: Test,
  name: string,
  test: (t: Test, before: readonly string[]) => Promise<void>,
): void {
  t.test(`${name} (auto)`, (sub) => test(sub, []));
  if (kernelReapingMissing() === undefined)
    t.test(`${name} (wait)`, (sub) => {
      const [refuse = ''] = compile(sub, 'test/init/seccomp-refuse.c');
      return test(sub, [refuse, 'get-info', '25']);
    });
}

/** Runs a command to its end, as PID 1 or as an ordinary child. A command that runs for two minutes hangs and is killed. */
export function run(
  command: readonly string[],
  how: { readonly env?: Record<string, string>; readonly process1?: boolean } = {},
): Ended {
  const [file = '', ...args] = how.process1 === false ? command : asProcess1(command);
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', ...how.env };
  const ended = spawnSync(file, args, {
    encoding: 'utf8',
    env,
    timeout: 120_000,
    killSignal: 'SIGKILL',
    input: '',
  });
  return { code: ended.status ?? -1, stdout: ended.stdout, stderr: ended.stderr };
}
