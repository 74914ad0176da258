import { basename } from 'node:path';
import { isZombie, type ProcessStat } from '../../linux/process-stat.ts';
import { isFetchedJarName } from '../agent/agent-jar/fetched-jar-name.ts';
import { procfs, readProcFile } from '../processes/proc-file.ts';
import { readProcessTable } from '../processes/process-table.ts';

/** What of Jenkins a container is for. */
export type Role = 'controller' | 'agent';

/** The java of a controller or an agent. */
export interface JenkinsProcess {
  readonly role: Role;
  readonly stat: ProcessStat;
  /** Java's own options. */
  readonly javaOptions: readonly string[];
  /** What stands behind the jar. */
  readonly arguments: readonly string[];
}

/** What of Jenkins can be seen in the process table. */
export interface JenkinsProcesses {
  /** The java that matters, if there is one. */
  readonly java: JenkinsProcess | undefined;
  /** A java that is over and that nobody has reaped: its command line has gone with its memory. */
  readonly defunct: ProcessStat | undefined;
  /** What `bailey` is still preparing, or was asked to run below an init. */
  readonly entrypoint: Role | undefined;
}

/** The names of the jars, besides the usual ones. */
export interface JarPaths {
  /** JENKINS_WAR */
  readonly war: string | undefined;
  /** JENKINS_AGENT_FILE */
  readonly agent: string | undefined;
}

/**
 * Looks for the java of Jenkins: it runs `-jar jenkins.war` or `-jar agent.jar`. Builds may start the same programs
 * again (Jenkins' own tests do), so of several the oldest counts: it was there before anything that it has started.
 * @param wanted only that role; any java with a jar will do when none has the usual name
 * @throws Failure 69 when /proc shows no processes
 */
export function findJenkins(jars: JarPaths, wanted: Role | undefined): JenkinsProcesses {
  const oldestFirst = [...readProcessTable().values()].sort((a, b) => a.startTicks - b.startTicks);
  let java: JenkinsProcess | undefined;
  let missingEntry: JenkinsProcess | undefined;
  let defunct: ProcessStat | undefined;
  for (const stat of oldestFirst) {
    if (!stat.name.startsWith('java')) continue; // java, java17
    const argv = commandLine(stat.pid);
    if (isZombie(stat)) defunct ??= stat;
    const at = argv.indexOf('-jar', 1);
    const jar = at === -1 ? undefined : argv[at + 1];
    if (jar === undefined) continue;
    const role = roleOf(jar, jars);
    const found = { stat, javaOptions: argv.slice(1, at), arguments: argv.slice(at + 2) };
    if (role !== undefined && (wanted ?? role) === role) java ??= { ...found, role };
    else if (role === undefined && wanted !== undefined) missingEntry ??= { ...found, role: wanted };
  }
  java ??= missingEntry;
  return { java, defunct, entrypoint: java?.role ?? entrypointRole(oldestFirst) };
}

function entrypointRole(processes: readonly ProcessStat[]): Role | undefined {
  for (const { pid } of processes) {
    const role = preparedRole(commandLine(pid));
    if (role !== undefined) return role;
  }
  return undefined;
}

function roleOf(jar: string, { war, agent }: JarPaths): Role | undefined {
  if (jar === war || basename(jar) === 'jenkins.war') return 'controller';
  // slave.jar and remoting.jar: what older images call it.
  const name = basename(jar);
  if (jar === agent || isFetchedJarName(name) || /^(agent|slave|remoting)\.jar$/.test(name)) return 'agent';
  return undefined;
}

/** `bailey jenkins` and `bailey agent`, also as the arguments of an init. */
function preparedRole(argv: readonly string[]): Role | undefined {
  const at = argv.findIndex((word) => /^bailey(\.js)?$/.test(basename(word)));
  const command = at === -1 ? undefined : argv[at + 1];
  if (command === 'jenkins') return 'controller';
  return command === 'agent' ? 'agent' : undefined;
}

function commandLine(pid: number): string[] {
  const text = readProcFile(`${procfs}/${pid}/cmdline`) ?? '';
  return text === '' ? [] : text.replace(/\0$/, '').split('\0');
}
