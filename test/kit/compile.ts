import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Test } from 'tap';

/** Every C file of the tests compiles without these warnings. */
const strict = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-O1'];

/**
 * Compiles C programs, statically linked, so that they also run in a root folder without libraries.
 * @param sources C files, relative to the repository
 * @returns the programs' paths, in the same order; the test's teardown removes them
 */
export function compile(t: Test, ...sources: string[]): string[] {
  // Not t.testdir(): a test has only one of those, and other users cannot always reach it.
  const folder = mkdtempSync(join(tmpdir(), 'bailey-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  return sources.map((source, index) =>
    compileProgram(join(folder, `${index}-${basename(source, '.c')}`), source),
  );
}

/**
 * Compiles one C program, statically linked.
 * @param program path of the program to write
 * @returns that path
 */
export function compileProgram(program: string, source: string): string {
  runCompiler(program, source, ['-static', '-pthread']);
  return program;
}

/**
 * Compiles one C file into a shared library, for LD_PRELOAD or for java's -agentpath.
 * @param library path of the library to write
 * @param options more of the compiler's options, such as `-I/usr/include/x`
 * @returns that path
 */
export function compileLibrary(library: string, source: string, ...options: readonly string[]): string {
  runCompiler(library, source, ['-shared', '-fPIC', ...options]);
  return library;
}

function runCompiler(output: string, source: string, options: readonly string[]): void {
  const args = [...strict, ...options, '-o', output, source];
  const { status, error, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc ${source}: ${error?.message ?? stderr}`);
}
