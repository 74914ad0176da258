import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readProcFile } from '../src/bailey/processes/proc-file.ts';
import type { Container } from './container.ts';
import { type Controller, pathInHome } from './controller.ts';
import { DemoError } from './until.ts';

/** The first line that the stand-in prints. Until then, the volume may still have the counts of an earlier container. */
const firstLine = /^(Found (?<builds>\d+) builds|JENKINS_HOME is empty)/;

/** A function, because the demo changes to the repository's folder after this file is loaded. */
const sourceFolder = (): string => resolve('demo/stand-in');

/**
 * The stand-in for Jenkins: java runs it where there is a JDK to compile it, otherwise node.
 * @param env the environment in which a JDK is searched
 * @param temporaryFolder for compiled classes, and for the jar when build/ is not writable
 */
export function standIn(env: Readonly<Record<string, string>>, temporaryFolder: string): Controller {
  const jar = hasJdk(env) ? compile(env, temporaryFolder) : undefined;
  return {
    description: `a stand-in for Jenkins, run by ${jar === undefined ? 'node (there is no JDK)' : 'java'}`,
    env:
      jar === undefined
        ? // The shim named java comes first in PATH, and runs this node.
          {
            ...env,
            JENKINS_WAR: join(sourceFolder(), 'stand-in.mjs'),
            PATH: `${sourceFolder()}:${nodeFolder()}:${env['PATH']}`,
          }
        : { ...env, JENKINS_WAR: jar, JAVA_OPTS: '-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1' },
    readyWithinMs: 20_000,
    stopsWithinMs: 10_000,
    isReady: async (container) =>
      container.lines.some((line) => firstLine.test(line)) && orphansOf(container) > 0,
    leaveOrphans: async (container) => ({ count: () => orphansOf(container) }),
    savedData(container) {
      const builds = buildsOf(container);
      return {
        description: `${builds} builds`,
        foundBy(next) {
          const line = next.lines.find((line) => firstLine.test(line)) ?? '';
          return Number(firstLine.exec(line)?.groups?.['builds']) >= builds ? line : undefined;
        },
      };
    },
  };
}

const nodeFolder = (): string => resolve(process.execPath, '..');

/** Keeps the last count, because the file vanishes with the container. */
const lastCounts = new WeakMap<Container, number>();

function orphansOf(container: Container): number {
  const text = readProcFile(pathInHome(container, 'orphans'));
  const count = text === undefined ? (lastCounts.get(container) ?? 0) : Number(text);
  lastCounts.set(container, count);
  return count;
}

/** How many builds were started. */
function buildsOf(container: Container): number {
  return Number(readProcFile(pathInHome(container, 'nextBuildNumber')) ?? 1) - 1;
}

const hasJdk = (env: Readonly<Record<string, string>>): boolean =>
  ['java', 'javac', 'jar'].every(
    (tool) => spawnSync(tool, ['--version'], { env, stdio: 'ignore' }).status === 0,
  );

/** Compiles the stand-in into build/demo, unless a jar that is newer than the source exists. */
function compile(env: Readonly<Record<string, string>>, temporaryFolder: string): string {
  const source = join(sourceFolder(), 'StandIn.java');
  const cache = resolve('build/demo');
  const cached = join(cache, 'stand-in.jar');
  const made = statSync(cached, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (made > statSync(source).mtimeMs) return cached;
  const folder = isWritable(cache) ? cache : temporaryFolder;
  const classes = join(temporaryFolder, 'classes');
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
  if (status !== 0) throw new DemoError(`${tool} could not compile the stand-in: ${stderr.trim()}`);
}
