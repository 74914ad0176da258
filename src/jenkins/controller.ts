import { statSync } from 'node:fs';
import { join } from 'node:path';
import { accessFailure, requireFile, requireFolderAccess } from '../container/access.ts';
import { native } from '../container/native.ts';
import { Failure } from '../failure.ts';
import { handOver, type Launch } from '../launch/hand-over.ts';
import { takeOwnOptions } from '../launch/own-options.ts';
import { findProgram, programFailure, requireProgram } from '../launch/program.ts';
import { advertiseOption } from '../scheduler/advertise.ts';
import type { Storage, StorageRequest } from '../storage/index.ts';
import { withAdvertised } from './advertised.ts';
import { areForJenkins, javaArguments } from './command-line.ts';
import { type ControllerConfig, readControllerConfig } from './environment.ts';
import { copyReferenceFiles } from './reference/index.ts';

/** What a launch gets from outside. */
export interface ControllerLaunch {
  /** Arguments of `bailey jenkins`. */
  readonly args: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Prints one line for people. */
  readonly say: (line: string) => void;
  /** Aborted when somebody ends us while we prepare. */
  readonly signal: AbortSignal;
}

const ownOptions = { ...advertiseOption };

/**
 * Prepares a controller and becomes java, or the program that the arguments name: storage from the castle, the
 * reference files, the command line. What can be known to be wrong is found before the castle is asked; whatever goes
 * wrong afterwards, the storage is given back.
 * @throws Failure with the exit code; the signal's reason
 */
export async function launchController({ args: given, env, say, signal }: ControllerLaunch): Promise<never> {
  const { options, rest: args } = takeOwnOptions('jenkins', ownOptions, given);
  const settings = readControllerConfig(env);
  const config = areForJenkins(args) ? withAdvertised(settings, options, env, say) : settings;
  // A war below JENKINS_HOME may come with the storage, or with the reference files.
  const warMayCome = config.war.startsWith(`${config.home}/`);
  if (areForJenkins(args) && !warMayCome) requireWar(config.war);
  const launch = areForJenkins(args) ? javaLaunch(config, args, env) : programLaunch(args, env);

  const storage = config.storage && (await takeStorage(config.storage, say, signal));
  try {
    requireFolderAccess('JENKINS_HOME', config.home);
    await copyReferenceFiles({ home: config.home, reference: config.reference, env, signal });
    if (areForJenkins(args) && warMayCome) requireWar(config.war);
    return await handOver(native(), launch, signal);
  } catch (thrown) {
    await storage?.release();
    signal.throwIfAborted(); // who ended us meanwhile decides how we end
    throw thrown;
  }
}

async function takeStorage(
  request: StorageRequest,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Storage> {
  requireMountPoint(request.target);
  const { acquireStorage } = await import('../storage/index.ts'); // here and not above: it loads Node's HTTP client
  const storage = await acquireStorage(request, say, signal);
  say(`volume ${request.volume} is mounted on ${request.target}`);
  return storage;
}

/** A mount needs a folder to go onto; that it may be written is looked at when the mount is there. */
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

function javaLaunch(
  config: ControllerConfig,
  args: readonly string[],
  env: Readonly<NodeJS.ProcessEnv>,
): Launch {
  return { file: findJava(config, env['PATH']), argv: ['java', ...javaArguments(config, args)] };
}

/** The official script takes java from PATH; JAVA_HOME is for images that forgot to put it there. */
function findJava({ javaHome }: ControllerConfig, path: string | undefined): string {
  const inPath = findProgram('java', path);
  if (!('fault' in inPath)) return inPath.file;
  if (javaHome === undefined) throw programFailure('java', inPath);
  const file = join(javaHome, 'bin/java');
  const inHome = findProgram(file, undefined);
  if (!('fault' in inHome)) return inHome.file;
  if (inHome.fault === 'missing' && inPath.fault === 'missing')
    throw new Failure(
      'notFound',
      `java is in no folder of PATH, and ${file} does not exist`,
      'install a Java runtime in the image, or correct JAVA_HOME',
    );
  throw programFailure('java', inHome.fault === 'missing' ? inPath : inHome);
}

function programLaunch(args: readonly string[], env: Readonly<NodeJS.ProcessEnv>): Launch {
  const [name = ''] = args;
  return { file: requireProgram(name, env['PATH']), argv: args };
}
