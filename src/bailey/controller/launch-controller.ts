import { statSync } from 'node:fs';
import { native } from '../../linux/native-addon.ts';
import { Failure } from '../../terminal/failure.ts';
import type { Storage, StorageRequest } from '../castle-client/acquire-storage.ts';
import {
  accessFailure,
  requireFile,
  requireFolderAccess,
  requireFreeSpace,
} from '../container/folder-access.ts';
import { missingPasswdEntry } from '../container/passwd-entry.ts';
import { requireProgram } from '../launch/find-program.ts';
import { handOver } from '../launch/hand-over.ts';
import { takeLeadingOptions } from '../launch/leading-options.ts';
import { advertiseAgentPort } from './advertised-agent-port.ts';
import { type ControllerConfig, readControllerConfig } from './controller-config.ts';
import { findJava } from './find-java.ts';
import { isForJenkins, javaArguments } from './java-command-line.ts';
import { copyReferenceFiles } from './reference/copy-reference-files.ts';
import { controllerOptions } from './settings.ts';

/** The input of a launch. */
export interface ControllerLaunch {
  /** Arguments of `bailey jenkins`. */
  readonly args: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Writes one line to standard error. */
  readonly logLine: (line: string) => void;
  /** Aborted when a signal ends the preparation. */
  readonly signal: AbortSignal;
}

/**
 * Prepares a controller and becomes java, or the program that the arguments name: leases the volume, copies the reference
 * files, builds the command line. Configuration errors are found before the castle is contacted; after an error the lease
 * is released.
 * @throws Failure with the exit code; the signal's reason
 */
export async function launchController({
  args: given,
  env,
  logLine,
  signal,
}: ControllerLaunch): Promise<never> {
  const { options, rest: args } = takeLeadingOptions('jenkins', controllerOptions, given);
  const settings = readControllerConfig(isForJenkins(args) ? env : { ...env, ...withoutJavaVariables });
  const config = isForJenkins(args) ? advertiseAgentPort(settings, options, env, logLine) : settings;
  // A war in JENKINS_HOME may be on the volume, or among the reference files.
  const isWarInHome = config.war.startsWith(`${config.home}/`);
  if (isForJenkins(args) && !isWarInHome) requireWar(config.war);
  const file = isForJenkins(args)
    ? findJava(config.javaHome, env['PATH'])
    : requireProgram(args[0] ?? '', env['PATH']);

  const storage = config.storage && (await leaseStorage(config.storage, logLine, signal));
  try {
    requireFolderAccess('JENKINS_HOME', config.home);
    requireFreeSpace('JENKINS_HOME', config.home);
    await copyReferenceFiles({ home: config.home, reference: config.reference, env, logLine, signal });
    if (isForJenkins(args) && isWarInHome) requireWar(config.war);
    const argv = isForJenkins(args)
      ? ['java', ...(await buildJavaArguments(config, file, args, env, logLine))]
      : args;
    return await handOver(native(), { file, argv }, signal);
  } catch (thrown) {
    await storage?.release();
    signal.throwIfAborted(); // a signal determines the exit code
    throw thrown;
  }
}

/** Empty values in place of these variables when another program runs: a shell must start even if they are wrong. */
const withoutJavaVariables = { JAVA_OPTS: '', JENKINS_JAVA_OPTS: '', JENKINS_OPTS: '', BAILEY_JVM: '' };

async function leaseStorage(
  request: StorageRequest,
  logLine: (line: string) => void,
  signal: AbortSignal,
): Promise<Storage> {
  requireMountPoint(request.target);
  const { acquireStorage } = await import('../castle-client/acquire-storage.ts'); // here and not above: it loads Node's HTTP client
  const storage = await acquireStorage(request, logLine, signal);
  logLine(`volume ${request.volume} is mounted on ${request.target}`);
  return storage;
}

/** Checks that the mount point is a directory; write permission is checked after the mount. */
function requireMountPoint(path: string): void {
  try {
    if (statSync(path).isDirectory()) return;
  } catch (thrown) {
    throw accessFailure('JENKINS_HOME', path, thrown, 'be reached');
  }
  throw new Failure(
    'cannotCreate',
    `JENKINS_HOME ${path} is not a folder`,
    'correct JENKINS_HOME, or move the file away',
  );
}

const requireWar = (war: string): void =>
  requireFile('JENKINS_WAR', war, 'put jenkins.war there, or set JENKINS_WAR');

/** Prepares java's options. Call it after the mount: they may name a directory on the volume. */
async function buildJavaArguments(
  config: ControllerConfig,
  java: string,
  args: readonly string[],
  env: Readonly<NodeJS.ProcessEnv>,
  logLine: (line: string) => void,
): Promise<string[]> {
  const missingEntry = missingPasswdEntry(config.home);
  if (missingEntry !== undefined) logLine(`warning: ${missingEntry}`);
  if (!config.sizeJvm) return javaArguments(config, [], args);
  const { jvmOptions } = await import('../jvm/jvm-options.ts'); // here: a container that runs another program needs none of it
  return javaArguments(
    config,
    jvmOptions({ role: 'controller', env, java, base: config.home, logLine }),
    args,
  );
}
