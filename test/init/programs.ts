import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';

/** PID 1: as the build left it, or another build of it that BAILEY_INIT names. */
export const bailey = resolve(process.env['BAILEY_INIT'] || 'dist/bailey-init');

/**
 * Compiles small C programs that tests run, statically, so that they also run where there are no libraries.
 * @param sources C files, relative to the repository
 * @returns the programs' paths, in the same order; they go away with the test
 */
export function compile(t: Test, ...sources: string[]): string[] {
  // Not t.testdir(): a test has only one of those, and other users cannot always reach it.
  const folder = mkdtempSync(join(tmpdir(), 'bailey-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  return sources.map((source, index) => {
    const program = `${folder}/${index}-${source.replace(/^.*\/(.*)\.c$/, '$1')}`;
    const args = [
      '-std=c11',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-O1',
      '-static',
      '-pthread',
      '-o',
      program,
      source,
    ];
    const made = spawnSync('cc', args, { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`cc ${source}: ${made.error?.message ?? made.stderr}`);
    return program;
  });
}
