import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readProcFile } from '../src/bailey/processes/proc-file.ts';
import type { Container } from './container.ts';
import { BrokenPromise } from './until.ts';
import { inHome, type War } from './war.ts';

/** What it says at its start, with what it has found; the volume may hold another container's counts until then. */
const firstLine = /^(Found (?<builds>\d+) builds|JENKINS_HOME is empty)/;

/** Asked for when it is needed: the demo changes to the repository's folder after this file is loaded. */
const sources = (): string => resolve('demo/stand-in');

/**
 * The stand-in for Jenkins: run by java where there is a JDK to compile it with, else by node.
 * @param env the environment that a JDK is looked for in
 * @param spareFolder where the jar goes when build/ is not ours to write
 */
export function standIn(env: Readonly<Record<string, string>>, spareFolder: string): War {
  const jar = hasJdk(env) ? compile(env, spareFolder) : undefined;
  return {
    description: `a stand-in for Jenkins, run by ${jar === undefined ? 'node (there is no JDK)' : 'java'}`,
    env:
      jar === undefined
        ? // The shim named java comes first, and finds this node.
          {
            ...env,
            JENKINS_WAR: join(sources(), 'stand-in.mjs'),
            PATH: `${sources()}:${nodeFolder()}:${env['PATH']}`,
          }
        : { ...env, JENKINS_WAR: jar, JAVA_OPTS: '-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1' },
    readyWithinMs: 20_000,
    stopsWithinMs: 10_000,
    isReady: async (container) =>
      container.lines.some((line) => firstLine.test(line)) && orphansOf(container) > 0,
    leaveOrphans: async (container) => ({ count: () => orphansOf(container) }),
    remember(container) {
      const builds = buildsOf(container);
      return {
        text: `${builds} builds`,
        foundBy(next) {
          const line = next.lines.find((line) => firstLine.test(line)) ?? '';
          return Number(firstLine.exec(line)?.groups?.['builds']) >= builds ? line : undefined;
        },
      };
    },
  };
}

const nodeFolder = (): string => resolve(process.execPath, '..');

/** The last number that it has read is kept: the file is gone together with the container. */
const lastCounts = new WeakMap<Container, number>();

function orphansOf(container: Container): number {
  const text = readProcFile(inHome(container, 'orphans'));
  const count = text === undefined ? (lastCounts.get(container) ?? 0) : Number(text);
  lastCounts.set(container, count);
  return count;
}

/** Builds begun. */
function buildsOf(container: Container): number {
  return Number(readProcFile(inHome(container, 'nextBuildNumber')) ?? 1) - 1;
}

const hasJdk = (env: Readonly<Record<string, string>>): boolean =>
  ['java', 'javac', 'jar'].every(
    (tool) => spawnSync(tool, ['--version'], { env, stdio: 'ignore' }).status === 0,
  );

/** Compiles the stand-in into build/demo, or takes the jar that is there and newer than its source. */
function compile(env: Readonly<Record<string, string>>, spareFolder: string): string {
  const source = join(sources(), 'StandIn.java');
  const cache = resolve('build/demo');
  const cached = join(cache, 'stand-in.jar');
  const made = statSync(cached, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (made > statSync(source).mtimeMs) return cached;
  const folder = isWritable(cache) ? cache : spareFolder;
  const classes = join(spareFolder, 'classes');
  const jar = join(folder, 'stand-in.jar');
  mkdirSync(classes);
  run('javac', ['-d', classes, source], env);
  run('jar', ['--create', '--file', jar, '--main-class', 'StandIn', '-C', classes, '.'], env);
  return jar;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function run(tool: string, args: readonly string[], env: Readonly<Record<string, string>>): void {
  const { status, stderr } = spawnSync(tool, args, { env, encoding: 'utf8' });
  if (status !== 0) throw new BrokenPromise(`${tool} could not make the stand-in: ${stderr.trim()}`);
}
