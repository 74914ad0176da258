import type { Setting } from '../../terminal/setting.ts';
import { jvmSizingSettings } from '../jvm/settings.ts';

/** Defaults of the official image, and of the castle client. */
export const controllerDefaults = {
  home: '/var/jenkins_home',
  war: '/usr/share/jenkins/jenkins.war',
  reference: '/usr/share/jenkins/ref',
  referenceLog: 'copy_reference_file.log',
  castleTimeout: '60s',
} as const;

/** Options of `bailey jenkins` itself; they stand before the arguments for Jenkins. */
export const controllerOptions: readonly Setting[] = [
  {
    option: '--advertise',
    placeholder: 'auto|HOST:PORT',
    variable: 'BAILEY_ADVERTISE',
    meaning:
      'the address that agents connect to; auto: read it from the variables set by Marathon, Nomad or Kubernetes',
  },
];

/** The variables of the official image (jenkinsci/docker). */
export const controllerImageSettings: readonly Setting[] = [
  {
    variable: 'JENKINS_HOME',
    default: controllerDefaults.home,
    meaning: "data of the controller, and the mount point of the castle's volume",
  },
  { variable: 'JENKINS_WAR', default: controllerDefaults.war, meaning: 'the jenkins.war that java runs' },
  {
    variable: 'JAVA_OPTS',
    meaning:
      'options for java; quotes and backslashes as in xargs(1), nothing is expanded; an unclosed quote is an error',
  },
  { variable: 'JENKINS_JAVA_OPTS', meaning: 'more options for java, after JAVA_OPTS' },
  { variable: 'JENKINS_OPTS', meaning: 'arguments for Jenkins, before those of the command line' },
  {
    variable: 'JENKINS_SLAVE_AGENT_PORT',
    meaning: 'TCP port for inbound agents (system property jenkins.model.Jenkins.slaveAgentPort)',
  },
  {
    variable: 'JAVA_HOME',
    default: 'java in PATH',
    meaning: 'Java installation whose bin/java is run',
  },
  {
    variable: 'DEBUG',
    meaning: 'any value: java waits for a debugger on port 5005 before it starts Jenkins',
  },
  {
    variable: 'REF',
    default: controllerDefaults.reference,
    meaning: 'reference folder of the image, whose files are copied into JENKINS_HOME',
  },
  {
    variable: 'COPY_REFERENCE_FILE_LOG',
    default: `$JENKINS_HOME/${controllerDefaults.referenceLog}`,
    meaning: 'log of the copied reference files',
  },
  {
    variable: 'PRE_CLEAR_INIT_GROOVY_D',
    meaning: 'any value: delete $JENKINS_HOME/init.groovy.d before copying',
  },
  {
    variable: 'PLUGINS_FORCE_UPGRADE',
    meaning: 'any value: also upgrade plug-ins that were upgraded by hand, if the image has a newer version',
  },
  {
    variable: 'TRY_UPGRADE_IF_NO_MARKER',
    meaning: 'any value: also upgrade plug-ins that were not installed from an image',
  },
  { variable: 'VERBOSE', meaning: 'any value: also log the files that were left unchanged' },
  {
    variable: 'JENKINS_ENABLE_ENV_SUBST',
    meaning:
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the notation itself
      'true: replace ${NAME} and ${NAME:-default} in .xml, .conf, .properties and .groovy reference files',
  },
];

/** How to request a volume for JENKINS_HOME from a castle. */
export const castleClientSettings: readonly Setting[] = [
  {
    variable: 'CASTLE_URL',
    meaning:
      'the castle: unix:///run/castle/castle.sock or https://HOST:PORT; set it together with CASTLE_VOLUME, or neither',
  },
  {
    variable: 'CASTLE_VOLUME',
    meaning: 'name of the volume to mount on JENKINS_HOME: letters, digits, _ . and -, at most 128',
  },
  {
    variable: 'CASTLE_TIMEOUT',
    default: controllerDefaults.castleTimeout,
    meaning: 'how long to retry the request: 90, 90s or 2m; 0 tries once',
  },
  {
    variable: 'CASTLE_TOKEN_FILE',
    meaning: 'https: file with the token of this container; bailey waits for a file that does not exist yet',
  },
  {
    variable: 'CASTLE_CA_FILE',
    default: 'the certificates that Node trusts',
    meaning: "https: PEM file with the certificates that may sign the castle's certificate",
  },
  {
    variable: 'CASTLE_CERT_FILE',
    meaning: 'https: client certificate of this container, PEM, for a castle started with --tls-client-ca',
  },
  { variable: 'CASTLE_KEY_FILE', meaning: 'https: private key of that certificate, PEM' },
];

/** `bailey jenkins`. */
export const controllerSettings: readonly Setting[] = [
  ...controllerOptions,
  ...controllerImageSettings,
  ...jvmSizingSettings,
  ...castleClientSettings,
];
