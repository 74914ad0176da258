import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { until } from './until.ts';

/** How a program ended, and what it printed. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A container that the test started; the test's teardown removes it. */
export interface Container {
  /** The container id, 64 hexadecimal digits. */
  readonly id: string;
}

/**
 * Runs a program to its end.
 * @param boundMs after this time, in milliseconds, the program is killed and counts as exit code 255
 */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly boundMs?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  const { boundMs = 100_000, env = process.env } = options;
  return new Promise((resolve) => {
    const settings = { timeout: boundMs, killSignal: 'SIGKILL', maxBuffer: 64 << 20, env } as const;
    execFile(program, args, settings, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      resolve({
        code,
        stdout,
        stderr: error !== null && code === 255 ? `${stderr}${error.message}` : stderr,
      });
    });
  });
}

/**
 * Runs a program that must succeed.
 * @returns its standard output without the last line's end
 * @throws Error with the command and its output
 */
export async function output(program: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${code}: ${stderr}${stdout}`);
  return stdout.trimEnd();
}

/** `docker ARGS`, by the command line that people use; it must succeed. */
export const docker = (...args: readonly string[]): Promise<string> => output('docker', ...args);

/**
 * Pauses a container. runc gives up when the freezer of cgroup v1 does not freeze all processes within a few tries, which
 * happens on a busy machine; the pause is repeated then.
 */
export async function pause(container: Container): Promise<void> {
  await until(`${container.id.slice(0, 12)} is paused`, async () => {
    await docker('pause', container.id);
    return true;
  });
}

/**
 * Runs `docker run` in the foreground, to test an exit code and a message. The container is removed at its end.
 * @param options arguments before the image
 */
export function runToEnd(
  image: string,
  options: readonly string[],
  command: readonly string[],
): Promise<Ran> {
  return run('docker', ['run', '--rm', ...offline, ...options, image, ...command]);
}

/** `docker run --detach`; the container is removed, with its anonymous volumes, when the test ends. */
export async function start(
  t: Test,
  image: string,
  options: readonly string[],
  command: readonly string[] = [],
): Promise<Container> {
  const id = await docker('create', ...offline, ...options, image, ...command);
  t.teardown(() => run('docker', ['rm', '--force', '--volumes', id]));
  await docker('start', id);
  return { id };
}

// The tests' engine is started without a bridge, and nothing here needs a network.
const offline = ['--network', 'none'];

/** Waits for the container's end. @returns its exit code, as the engine recorded it */
export async function ended(container: Container): Promise<number> {
  return Number(await docker('wait', container.id));
}

/** All output of the container so far, of both streams. */
export async function printed(container: Container): Promise<string> {
  const { stdout, stderr } = await run('docker', ['logs', container.id]);
  return stdout + stderr;
}

/**
 * Waits until the container has printed a text.
 * @param times how many matches are required: the output of earlier starts of the container counts too
 * @returns the last match
 * @throws Error with all that it printed, when it ends or the bound is reached before
 */
export async function untilPrinted(
  container: Container,
  pattern: RegExp,
  times = 1,
): Promise<RegExpExecArray> {
  const everywhere = new RegExp(pattern.source, 'gm');
  const what = `${container.id.slice(0, 12)} prints ${pattern}`;
  const found = await until(what, async () => {
    // The state is read first, so that the log read afterwards contains everything printed before the end.
    const state = await docker('inspect', '--format', '{{.State.Status}}', container.id);
    const match = [...(await printed(container)).matchAll(everywhere)][times - 1];
    return match ?? (state === 'exited' ? state : undefined);
  }).catch(String);
  if (typeof found !== 'string') return found;
  throw new Error(`not to be seen: ${what} (${found}); it printed:\n${await printed(container)}`);
}

/** The pid of the container's process 1 on the host. */
export async function firstProcess(container: Container): Promise<number> {
  return Number(await docker('inspect', '--format', '{{.State.Pid}}', container.id));
}

/** A process of a container, with its pid on the host. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  /** `Z` is a zombie; see proc(5). */
  readonly state: string;
  readonly uid: number;
  readonly command: string;
}

/**
 * The container's process 1 and all its descendants, process 1 first, from the host's /proc: `docker top` lists by cgroup,
 * which zombies have left.
 */
export async function processes(container: Container): Promise<ProcessRow[]> {
  const first = await firstProcess(container);
  const rows = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(processRow);
  const found = new Set([first]);
  // Numbers wrap round: a child may come before its parent, and then needs another pass.
  for (let known = 0; known !== found.size; ) {
    known = found.size;
    for (const row of rows) if (found.has(row.parent)) found.add(row.pid);
  }
  return rows
    .filter(({ pid }) => found.has(pid))
    .sort((a, b) => Number(b.pid === first) - Number(a.pid === first));
}

/** Reads one process; none if it has ended. */
function processRow(pid: string): ProcessRow[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
    const [parent, uid] = [Number(field('PPid')), Number(field('Uid'))];
    return [{ pid: Number(pid), parent, state: field('State'), uid, command: field('Name') }];
  } catch {
    return [];
  }
}

/**
 * The zombies whose parent is the container's process 1. Children of other processes are left out, because being a zombie
 * between exit and wait is normal.
 */
export async function zombies(container: Container): Promise<ProcessRow[]> {
  const [first, ...rows] = await processes(container);
  return rows.filter(({ state, parent }) => state === 'Z' && parent === first?.pid);
}
