import { basename } from 'node:path';
import { isZombie, type ProcessStat } from '../../linux/process-stat.ts';
import { isFetchedJarName } from '../agent/agent-jar/fetched-jar-name.ts';
import { procfs, readProcFile } from '../processes/proc-file.ts';
import { readProcessTable } from '../processes/process-table.ts';

/** The role of a container. */
export type Role = 'controller' | 'agent';

/** The java of a controller or an agent. */
export interface JenkinsProcess {
  readonly role: Role;
  readonly stat: ProcessStat;
  /** Java's own options. */
  readonly javaOptions: readonly string[];
  /** The arguments after the jar. */
  readonly arguments: readonly string[];
}

/** The processes of Jenkins in the process table. */
export interface JenkinsProcesses {
  /** The java of the controller or agent. */
  readonly java: JenkinsProcess | undefined;
  /** A zombie java, which has no command line any more. */
  readonly defunct: ProcessStat | undefined;
  /** The role of a running `bailey` that is still preparing, or of the init that started it. */
  readonly entrypoint: Role | undefined;
}

/** Configured paths of the jars, besides the default names. */
export interface JarPaths {
  /** JENKINS_WAR */
  readonly war: string | undefined;
  /** JENKINS_AGENT_FILE */
  readonly agent: string | undefined;
}

/**
 * Finds the java that runs `-jar jenkins.war` or `-jar agent.jar`. Builds may start the same programs (Jenkins' own tests
 * do), so the oldest of several counts.
 * @param wanted search only for this role. A java with a jar of another name is accepted if there is no better match
 * @throws Failure 69 when /proc shows no processes
 */
export function findJenkins(jars: JarPaths, wanted: Role | undefined): JenkinsProcesses {
  const oldestFirst = [...readProcessTable().values()].sort((a, b) => a.startTicks - b.startTicks);
  let java: JenkinsProcess | undefined;
  let otherJar: JenkinsProcess | undefined;
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
    else if (role === undefined && wanted !== undefined) otherJar ??= { ...found, role: wanted };
  }
  java ??= otherJar;
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
  // Older images name it slave.jar or remoting.jar.
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
