import { printable } from '../../terminal/printable.ts';
import type { Parent, Zombie, ZombieGroup, ZombieReport } from './zombie-report.ts';

/** How many zombies of one parent are listed without --all. */
const maxListed = 5;

/**
 * Formats the report as lines of text.
 * @param all also list every zombie, and processes of which only the main thread has exited
 */
export function formatZombieReport(report: ZombieReport, all: boolean): readonly string[] {
  const lines = [
    report.zombies === 0
      ? `no zombies among ${report.processes} processes`
      : `${count(report.zombies, 'zombie')} among ${report.processes} processes, not reaped by ${count(report.parents.length, 'parent')}`,
    ...report.parents.flatMap((group) => ['', ...groupLines(group, all)]),
  ];
  if (all && report.endedLeaders.length > 0) {
    lines.push(
      '',
      'alive, although ps shows them as defunct: the main thread has exited and other threads still run (nothing to reap):',
    );
    for (const { pid, name, threads } of report.endedLeaders) {
      lines.push(`  ${pid} ${name}, ${count(threads, 'thread')} left`);
    }
  }
  if (report.hidepid !== undefined) {
    lines.push(
      '',
      `/proc is mounted with ${report.hidepid}: processes of other users are not visible; run bailey zombies as root to see them`,
    );
  }
  // A process chooses its name and arguments: make control characters harmless.
  return lines.map(printable);
}

function groupLines({ parent, zombies, problem, remedy }: ZombieGroup, all: boolean): readonly string[] {
  const shown = all ? zombies : zombies.slice(0, maxListed);
  const more = zombies.length - shown.length;
  return [
    `${count(zombies.length, 'zombie')} of ${parentLine(parent)}`,
    ...parentFacts(parent).map(([label, fact]) => `  ${label.padEnd(9)} ${fact}`),
    `  ${'zombies'.padEnd(9)} ${shown.map(zombieText).join(', ')}${more > 0 ? `, and ${more} more (--all)` : ''}`,
    `  ${'problem'.padEnd(9)} ${problem}`,
    `  ${'fix'.padEnd(9)} ${remedy}`,
  ];
}

const parentLine = ({ pid, name, commandLine, state }: Parent): string =>
  state === '?'
    ? 'a parent that is not visible'
    : `${pid} ${commandLine.length === 0 ? name : commandLine.join(' ')}`;

/** What is known about a parent, as label and text. */
function parentFacts(parent: Parent): readonly (readonly [string, string])[] {
  const lines: [string, string][] = [];
  if (parent.isPid1) lines.push(['role', parent.reaps ? 'PID 1, an init' : 'PID 1, but not an init']);
  if (parent.namespacePids.length > 1)
    lines.push(['PIDs', `${parent.namespacePids.join(' → ')} (outer → inner namespace)`]);
  if (parent.container !== undefined) {
    const { engine, id, kubernetes } = parent.container;
    lines.push(['container', `${id.slice(0, 12)} (${engine}${kubernetes ? ', Kubernetes' : ''})`]);
  }
  if (parent.sigchld !== undefined) {
    const { disposition, blocked, pending } = parent.sigchld;
    lines.push([
      'SIGCHLD',
      [disposition, blocked ? 'blocked' : '', pending ? 'pending' : ''].filter(Boolean).join(', '),
    ]);
  }
  const { sleepsIn, waitsFor, child } = parent.waiting;
  const waiting = [
    sleepsIn === undefined ? '' : `sleeps in ${sleepsIn}`,
    waitsFor === undefined ? '' : `waits for ${child === undefined ? waitsFor : `child ${child} only`}`,
  ].filter(Boolean);
  if (waiting.length > 0) lines.push(['waiting', waiting.join(', ')]);
  if (parent.pids !== undefined) {
    const { used, limit, file } = parent.pids;
    lines.push(['pids max', `${used} of ${limit} processes in use (${file})`]);
  }
  return lines;
}

function zombieText({ pid, name, ageSeconds, defunctSeconds }: Zombie): string {
  const seen = defunctSeconds >= 1 ? `, defunct for at least ${duration(defunctSeconds)}` : '';
  return `${pid} ${name} (started ${duration(ageSeconds)} ago${seen})`;
}

/** Returns a duration in its two largest units. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
