import { resolve } from 'node:path';
import { parseCastleUrl } from '../../protocol/castle-url.ts';
import { volumeNameFault } from '../../protocol/volume-name.ts';
import { readDuration } from '../../terminal/duration.ts';
import { Failure } from '../../terminal/failure.ts';
import { quoted } from '../../terminal/quoted.ts';
import type { StorageRequest } from '../castle-client/acquire-storage.ts';
import { isJvmSizingEnabled } from '../jvm/bailey-jvm-variable.ts';
import { splitWords } from '../launch/split-words.ts';
import { controllerDefaults } from './settings.ts';

/** The settings of a controller in the environment; variable names are those of the official image. */
export interface ControllerConfig {
  /** JENKINS_HOME, absolute. */
  readonly home: string;
  /** JENKINS_WAR */
  readonly war: string;
  /** Options for java, from JAVA_OPTS and JENKINS_JAVA_OPTS. */
  readonly javaOptions: readonly string[];
  /** Arguments for Jenkins, from JENKINS_OPTS. */
  readonly jenkinsOptions: readonly string[];
  /** JENKINS_SLAVE_AGENT_PORT */
  readonly agentPort: string | undefined;
  /** DEBUG: java waits for a debugger. */
  readonly debug: boolean;
  /** JAVA_HOME */
  readonly javaHome: string | undefined;
  /** BAILEY_JVM: whether java gets options derived from the limits. */
  readonly sizeJvm: boolean;
  readonly reference: ReferenceConfig;
  /** CASTLE_URL, CASTLE_VOLUME, …; undefined without a castle. */
  readonly storage: StorageRequest | undefined;
}

/** The settings for copying the reference files. */
export interface ReferenceConfig {
  /** REF: the directory of the image with the files to copy. */
  readonly folder: string;
  /** COPY_REFERENCE_FILE_LOG */
  readonly log: string;
  /** PRE_CLEAR_INIT_GROOVY_D: remove init.groovy.d before copying. */
  readonly clearInitScripts: boolean;
  /** PLUGINS_FORCE_UPGRADE: also upgrade plug-ins that were upgraded by hand. */
  readonly forceUpgrade: boolean;
  /** TRY_UPGRADE_IF_NO_MARKER: also upgrade plug-ins that did not come from an image. */
  readonly upgradeWithoutMarker: boolean;
  /** VERBOSE: also log unchanged files. */
  readonly verbose: boolean;
  /** JENKINS_ENABLE_ENV_SUBST=true: substitute variables in configuration files. */
  readonly substitute: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads a controller's settings. An empty variable counts as not set, as in the official script.
 * @throws Failure 78 that names the variable
 */
export function readControllerConfig(env: Environment): ControllerConfig {
  // Absolute, so that log lines and remedies are clear without the working directory.
  const home = resolve(env['JENKINS_HOME'] || controllerDefaults.home);
  return {
    home,
    war: env['JENKINS_WAR'] || controllerDefaults.war,
    javaOptions: [...words(env, 'JAVA_OPTS'), ...words(env, 'JENKINS_JAVA_OPTS')],
    jenkinsOptions: words(env, 'JENKINS_OPTS'),
    agentPort: env['JENKINS_SLAVE_AGENT_PORT'] || undefined,
    debug: isSet(env['DEBUG']),
    javaHome: env['JAVA_HOME'] || undefined,
    sizeJvm: isJvmSizingEnabled(env),
    reference: {
      folder: env['REF'] || controllerDefaults.reference,
      log: env['COPY_REFERENCE_FILE_LOG'] || `${home}/${controllerDefaults.referenceLog}`,
      clearInitScripts: isSet(env['PRE_CLEAR_INIT_GROOVY_D']),
      forceUpgrade: isSet(env['PLUGINS_FORCE_UPGRADE']),
      upgradeWithoutMarker: isSet(env['TRY_UPGRADE_IF_NO_MARKER']),
      verbose: isSet(env['VERBOSE']),
      substitute: env['JENKINS_ENABLE_ENV_SUBST'] === 'true',
    },
    storage: readStorageRequest(env, home),
  };
}

/** Like `[ -n … ]` in the official script: every non-empty value counts. */
const isSet = (value: string | undefined): boolean => value !== undefined && value !== '';

const words = (env: Environment, variable: string): string[] => splitWords(variable, env[variable] ?? '');

function readStorageRequest(env: Environment, target: string): StorageRequest | undefined {
  const url = env['CASTLE_URL'] || undefined;
  // An empty name is an error: a template that expanded to nothing must not start a controller without its data.
  const volume = env['CASTLE_VOLUME'];
  if (url === undefined && volume === undefined) return undefined;
  if (url === undefined)
    throw new Failure(
      'config',
      'CASTLE_VOLUME is set and CASTLE_URL is not',
      'set both, or neither to go without a castle',
    );
  if (volume === undefined)
    throw new Failure(
      'config',
      'CASTLE_URL is set and CASTLE_VOLUME is not',
      'set both, or neither to go without a castle',
    );
  const fault = volumeNameFault(volume);
  if (fault !== undefined)
    throw new Failure('config', `CASTLE_VOLUME ${quoted(volume)} ${fault}`, 'correct CASTLE_VOLUME');
  parseCastleUrl(url); // rejects a wrong address before anything is changed
  return {
    url,
    volume,
    target,
    deadlineMs: readDuration('CASTLE_TIMEOUT', env['CASTLE_TIMEOUT'] || controllerDefaults.castleTimeout),
    ...(env['CASTLE_TOKEN_FILE'] ? { tokenFile: env['CASTLE_TOKEN_FILE'] } : {}),
    ...(env['CASTLE_CA_FILE'] ? { caFile: env['CASTLE_CA_FILE'] } : {}),
    ...readClientCertificate(env),
  };
}

function readClientCertificate(env: Environment): Pick<StorageRequest, 'clientCertificate'> {
  const [certFile, keyFile] = [env['CASTLE_CERT_FILE'], env['CASTLE_KEY_FILE']];
  if (!certFile && !keyFile) return {};
  if (certFile && keyFile) return { clientCertificate: { certFile, keyFile } };
  throw new Failure(
    'config',
    'only one of CASTLE_CERT_FILE and CASTLE_KEY_FILE is set',
    'set both, or neither',
  );
}
