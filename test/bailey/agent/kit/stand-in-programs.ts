import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { compileLibrary } from '../../../kit/compile.ts';

/** The report of Agent.java. */
export interface AgentReport {
  readonly argv: readonly string[];
  /** With each `@FILE` replaced by its lines. */
  readonly arguments: readonly string[];
  readonly env: readonly string[];
  /** Command line, environment, descriptors and standard input of a child: one line each. */
  readonly child: string;
  /** The same for a child that inherits standard input. */
  readonly inheritingChild: string;
  /** Programs and their files below /proc that contain the reversed text of -Dneedle. */
  readonly visibleIn?: readonly string[];
  /** Process id and descriptor of each open memfd. */
  readonly memoryFiles: readonly string[];
}

/** Compiles Agent.java and packs it as a jar that `java -jar` runs. */
export function buildAgent(folder: string, name = 'agent.jar'): string {
  const classes = join(folder, 'classes');
  const jar = join(folder, name);
  must('javac', ['-d', classes, resolve('test/bailey/agent/kit/Agent.java')]);
  must('jar', ['--create', '--file', jar, '--main-class', 'Agent', '-C', classes, '.']);
  return jar;
}

/** The directory of the JDK's C headers; undefined when there are none. */
export function jdkHeaders(): string | undefined {
  const javac = spawnSync('sh', ['-c', 'readlink -f "$(command -v javac)"'], { encoding: 'utf8' });
  const headers = join(dirname(javac.stdout.trim()), '../include');
  return existsSync(join(headers, 'jni.h')) ? headers : undefined;
}

/** Compiles restart.c into a library for -Drestart. */
export function buildRestart(folder: string, headers: string): string {
  const includes = [`-I${headers}`, `-I${headers}/linux`];
  return compileLibrary(join(folder, 'restart.so'), 'test/bailey/agent/kit/restart.c', ...includes);
}

function must(command: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
}
