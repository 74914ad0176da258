/** bailey-init with both ways of reaping, and the init programs of Debian: memory, wake-ups, start-up, signals, orphans. */
import { spawnSync } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { asProcess1, childrenOf, Running, stat, until } from '../test/kit/namespace.ts';
import { alternate, childCount, cpuMs, least, memoryKb, wakeUps } from './sample.ts';
import type { BenchOptions, Section } from './section.ts';
import type { Table } from './table.ts';

interface Init {
  readonly name: string;
  readonly ours: boolean;
  /** The program's file. */
  readonly file: string;
  /** The file and options, before the command to run. */
  readonly command: readonly string[];
  /** The program leads a session. This gives it another scheduler group, in which it answers signals sooner. */
  readonly ownSession: boolean;
}

/** The C programs of this folder, built by `npm run build`. */
const programs = {
  nothing: resolve('build/bench/nothing'),
  orphans: resolve('build/bench/orphans'),
  starts: resolve('build/bench/starts'),
  latency: resolve('build/bench/latency'),
};

const startsPerRound = 15;
const signalsPerRound = 2_000;
const peers = ['tini', 'tini-static', 'dumb-init', 'catatonit'];

export const inits: Section = {
  name: 'inits',
  async run(options) {
    return [await measure(options)];
  },
};

async function measure({ quick, reportProgress }: BenchOptions): Promise<Table> {
  const { present, missing } = competitors();
  const idleSeconds = quick ? 3 : 10;
  const atOnce = quick ? 2_000 : 20_000;
  const oneByOne = quick ? 500 : 5_000;
  const rounds = quick ? 1 : 7;

  reportProgress('memory');
  const memory = await alternate(present, quick ? 3 : 9, memoryOf);
  reportProgress(`idle for ${idleSeconds} s`);
  const idle = await idleWakeUps(present, idleSeconds);
  reportProgress('start-up');
  const started = await alternate([undefined, ...present], quick ? 10 : 60, async (init) => ({
    us: startUs(init, startsPerRound),
  }));
  const bareUs = started[0]?.us ?? 0;
  reportProgress('signals');
  const signals = await alternate(present, quick ? 3 : 15, async (init) => ({
    us: signalUs(init, signalsPerRound),
  }));
  reportProgress(`${atOnce} orphans at once`);
  const flood = await alternate(present, rounds, (init) => orphans(init, 'at-once', atOnce), least);
  reportProgress(`${oneByOne} orphans one after another`);
  const stream = await alternate(present, rounds, (init) => orphans(init, 'one-by-one', oneByOne));

  return {
    title: 'Process 1 of a container: bailey-init and other init programs',
    columns: [
      { name: 'file KB', digits: 1 },
      { name: 'RSS KB', digits: 0 },
      { name: 'PSS KB', digits: 0 },
      { name: `wake-ups in ${idleSeconds} s`, digits: 0 },
      { name: 'start-up +µs', digits: 0 },
      { name: 'signal µs', digits: 1 },
      { name: 'to a session µs', digits: 1 },
      { name: `${atOnce} at once: CPU ms`, digits: 3 },
      { name: 'wake-ups', digits: 0 },
      { name: `${oneByOne} in turn: CPU ms`, digits: 3 },
      { name: 'wake-ups', digits: 0 },
    ],
    rows: present.map((init, index) => ({
      name: init.name,
      ours: init.ours,
      values: [
        statSync(realpathSync(init.file)).size / 1024,
        memory[index]?.rss,
        memory[index]?.pss,
        idle[index],
        (started[index + 1]?.us ?? 0) - bareUs,
        init.ownSession ? undefined : signals[index]?.us,
        init.ownSession ? signals[index]?.us : undefined,
        flood[index]?.cpu,
        flood[index]?.wakeUps,
        stream[index]?.cpu,
        stream[index]?.wakeUps,
      ],
    })),
    notes: [
      `start-up: the fastest of ${startsPerRound} in a round, in addition to the ${bareUs.toFixed(0)} µs of a program that does nothing as process 1.`,
      `signal: from kill(2) to the program's answer, median of ${signalsPerRound}, all on one CPU; a program in a session of its own is in another scheduler group.`,
      "CPU ms and wake-ups are process 1's own, from /proc/PID/schedstat and /proc/PID/status.",
      `at once: the lowest of ${rounds} rounds; processes that end on the other CPUs delay the one that reaps by up to seconds.`,
      `The other figures are medians; every round measures all of them in turn. Linux ${kernelRelease()}.`,
      ...missing.map((reason) => `Missing: ${reason}.`),
    ],
  };
}

/** The init programs that this machine has, and why others are missing. */
function competitors(): { present: Init[]; missing: string[] } {
  const file = resolve('dist/bailey-init');
  const present: Init[] = [];
  const missing: string[] = [];
  const refusal = outputOf(asProcess1([file, '--reap', 'kernel', 'true'])).stderr.trim();
  if (refusal === '')
    present.push({
      name: 'bailey-init, kernel',
      ours: true,
      file,
      command: [file, '--reap', 'kernel', '--'],
      ownSession: false,
    });
  else missing.push(refusal);
  const waiting = [file, '--reap', 'wait', '--'];
  present.push({ name: 'bailey-init, wait', ours: true, file, command: waiting, ownSession: false });
  const dumbInit = resolve('dist/dumb-init');
  present.push({
    name: 'bailey-init as dumb-init',
    ours: true,
    file: dumbInit,
    command: [dumbInit, '--'],
    ownSession: true,
  });
  for (const name of peers) {
    const found = outputOf(['sh', '-c', `command -v ${name}`]).stdout.trim();
    if (found === '') missing.push(`${name} is not installed`);
    else
      present.push({
        name,
        ours: false,
        file: found,
        command: [found, '--'],
        ownSession: name === 'dumb-init',
      });
  }
  return { present, missing };
}

/** Starts an init with a program that sleeps, and waits until the program sleeps. */
async function startIdle(init: Init): Promise<{ running: Running; pid: number }> {
  const running = new Running([...init.command, 'sleep', 'infinity'], { proc: false });
  const pid = await running.pid(commOf(init));
  await until('the program sleeps', () => childrenOf(pid).some((child) => stat(child)?.comm === 'sleep'));
  return { running, pid };
}

async function memoryOf(init: Init): Promise<{ rss: number; pss: number }> {
  const { running, pid } = await startIdle(init);
  const memory = memoryKb(pid);
  await running.kill();
  return memory;
}

/** Counts the wake-ups of all inits during the same idle seconds. */
async function idleWakeUps(present: readonly Init[], seconds: number): Promise<number[]> {
  const started = await Promise.all(present.map(startIdle));
  const before = started.map(({ pid }) => wakeUps(pid));
  await pause(seconds * 1000);
  const woken = started.map(({ pid }, index) => wakeUps(pid) - (before[index] ?? 0));
  await Promise.all(started.map(({ running }) => running.kill()));
  return woken;
}

/** The microseconds of the fastest of some starts and ends; without an init, those of the program alone. */
function startUs(init: Init | undefined, times: number): number {
  const command = [programs.starts, `${times}`, ...(init?.command ?? []), programs.nothing];
  const { stdout, stderr } = outputOf(process.getuid?.() === 0 ? command : ['unshare', '-Ur', ...command]);
  if (stdout === '') throw new Error(`start-up of ${init?.name ?? 'the program alone'}: ${stderr}`);
  return Number(stdout) / 1000;
}

/** The median microseconds from a signal to PID 1 until its program has answered. */
function signalUs({ name, command }: Init, times: number): number {
  const all = [programs.latency, `${times}`, ...command];
  const { stdout, stderr } = outputOf(process.getuid?.() === 0 ? all : ['unshare', '-Ur', ...all]);
  if (stdout === '') throw new Error(`signals through ${name}: ${stderr}`);
  return Number(stdout) / 1000;
}

/** The cost of orphans for PID 1, from their end until all are reaped. */
async function orphans(
  init: Init,
  how: 'at-once' | 'one-by-one',
  count: number,
): Promise<{ cpu: number; wakeUps: number }> {
  const running = new Running([...init.command, programs.orphans, how, `${count}`], { proc: false });
  if ((await running.line()) !== 'ready') throw new Error(`${init.name}: ${(await running.ended()).stderr}`);
  const pid = await running.pid(commOf(init));
  const before = { cpu: cpuMs(pid), wakeUps: wakeUps(pid) };
  running.write('go\n');
  await running.line();
  while (childCount(pid) > 1) await pause(20);
  const spent = { cpu: cpuMs(pid) - before.cpu, wakeUps: wakeUps(pid) - before.wakeUps };
  await running.end();
  return spent;
}

/** The name that the kernel shows: that of the file, cut at 15 characters. */
function commOf(init: Init): string {
  return init.file.replace(/.*\//, '').slice(0, 15);
}

function outputOf(command: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const [program = '', ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error) throw error;
  return { status, stdout, stderr };
}

function kernelRelease(): string {
  return outputOf(['uname', '-r']).stdout.trim();
}
