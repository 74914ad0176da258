import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { compileProgram } from '../../kit/compile.ts';

/** How a run of `bailey` ended. */
export interface Ended {
  readonly pid: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly cwd?: string;
  /** Command that runs `bailey` as the rest of its arguments. */
  readonly below?: readonly string[];
}

/** The variables that an agent needs to start; the preflight check is off. */
export const knownController = {
  JENKINS_URL: 'http://127.0.0.1:1/',
  JENKINS_SECRET: 'secret',
  JENKINS_NAME: 'build-1',
  BAILEY_PREFLIGHT: 'off',
} as const;

/** A run that hangs fails after this time, in milliseconds, before the test's own timeout. */
const timeoutMs = 30_000;

/** A temporary folder that others may read, away from the repository; removed when the test has ended. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'bailey-test-'));
  chmodSync(folder, 0o755);
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Copies the distributed files of `bailey` to a folder that every user may read.
 * @param withInit whether to copy `bailey-init`, too
 * @returns the path of bailey.js
 */
export function installBailey(folder: string, withInit = false): string {
  const dist = join(folder, 'dist');
  mkdirSync(dist, { recursive: true });
  const files = ['bailey.js', 'addon.node', 'package.json', ...(withInit ? ['bailey-init'] : [])];
  for (const file of files) copyFileSync(resolve('dist', file), join(dist, file));
  return join(dist, 'bailey.js');
}

/** Starts `bailey` without waiting for its end. */
export function start(bailey: string, { args, env, uid, cwd, below = [] }: RunOptions): ChildProcess {
  // env(1) and not spawn's own environment: tap adds to that, and would load its hooks into the process under test.
  const variables = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  return spawn('env', ['-i', ...variables, ...below, process.execPath, bailey, ...args], {
    cwd: cwd ?? '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

/** Waits for the end of a process from {@link start}; after 30 s it is killed, and the result has the signal SIGKILL. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const timeout = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timeout);
  return { pid: child.pid ?? 0, code, signal, ...output };
}

/** Runs `bailey` to its end. */
export const run = (bailey: string, options: RunOptions): Promise<Ended> => ended(start(bailey, options));

/** Compiles Witness.java and packs it as a jar that `java -jar` runs. */
export function buildWitness(folder: string): string {
  const classes = join(folder, 'witness');
  const jar = join(folder, 'witness.jar');
  must('javac', ['-d', classes, resolve('test/bailey/kit/Witness.java')]);
  must('jar', ['--create', '--file', jar, '--main-class', 'Witness', '-C', classes, '.']);
  return jar;
}

/** Packs a jar, compressed, with these lines in its manifest (jar(1) folds long ones). */
export function packJar(folder: string, manifest: string): string {
  const lines = join(folder, 'manifest');
  const jar = join(folder, 'packed.jar');
  writeFileSync(lines, manifest);
  must('jar', ['--create', '--file', jar, '--manifest', lines, '-C', folder, 'manifest']);
  return jar;
}

/** Compiles a small C program, linked statically, so that it starts quickly. */
export function compileC(target: string, source: string): string {
  writeFileSync(`${target}.c`, source);
  return compileProgram(target, `${target}.c`);
}

function must(command: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
}
