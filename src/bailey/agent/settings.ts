import type { Setting } from '../../terminal/setting.ts';
import { jvmSizingSettings } from '../jvm/settings.ts';

/** Where the official agent images have agent.jar. */
export const defaultAgentJar = '/usr/share/jenkins/agent.jar';

/** Options of `bailey agent` itself; they stand before the arguments for agent.jar. */
export const agentOptions: readonly Setting[] = [
  {
    option: '--connect-timeout',
    placeholder: 'TIME',
    variable: 'BAILEY_CONNECT_TIMEOUT',
    default: 'as long as agent.jar retries: forever, unless -noReconnect or -noReconnectAfter is given',
    meaning: 'how long to wait for the controller before java starts: 90, 90s or 2m; 0 tries once',
  },
  {
    option: '--no-preflight',
    meaning: 'start java at once, without checking that the controller can be reached',
  },
  {
    option: '--advertise',
    placeholder: 'auto|HOST:PORT',
    variable: 'BAILEY_ADVERTISE',
    meaning:
      'pass this address of the controller to agent.jar as -tunnel, unless -tunnel, -direct or -webSocket is given; auto: read it from the variables set by Nomad or Kubernetes',
  },
];

/** The variables of the official agent images (jenkinsci/docker-agents, jenkins-agent). */
export const agentImageSettings: readonly Setting[] = [
  { variable: 'JENKINS_URL', meaning: '-url: address of the controller' },
  { variable: 'JENKINS_SECRET', meaning: '-secret, unless the arguments give one' },
  { variable: 'JENKINS_NAME', meaning: '-name, unless the arguments give one' },
  { variable: 'JENKINS_AGENT_NAME', meaning: 'like JENKINS_NAME, which overrides it' },
  { variable: 'JENKINS_AGENT_WORKDIR', meaning: '-workDir, unless the arguments give one' },
  {
    variable: 'JENKINS_TUNNEL',
    meaning: '-tunnel, unless the arguments give one or the agent uses a WebSocket',
  },
  { variable: 'JENKINS_WEB_SOCKET', meaning: 'true: -webSocket' },
  { variable: 'JENKINS_DIRECT_CONNECTION', meaning: '-direct' },
  { variable: 'JENKINS_PROTOCOLS', meaning: '-protocols' },
  { variable: 'JENKINS_INSTANCE_IDENTITY', meaning: '-instanceIdentity' },
  {
    variable: 'REMOTING_OPTS',
    meaning: 'more options for agent.jar; quotes and backslashes as in xargs(1), nothing is expanded',
  },
  {
    variable: 'JENKINS_AGENT_FILE',
    default: `${defaultAgentJar}; if that does not exist, the controller's own agent.jar`,
    meaning: 'the agent.jar that java runs',
  },
  {
    variable: 'JENKINS_JAVA_BIN',
    default: '$JAVA_HOME/bin/java, or java in PATH',
    meaning: 'the java to run',
  },
  { variable: 'JAVA_HOME', meaning: 'Java installation, if JENKINS_JAVA_BIN is not set' },
  {
    variable: 'JENKINS_JAVA_OPTS',
    meaning: 'options for java, instead of JAVA_OPTS; quotes and backslashes as in xargs(1)',
  },
  { variable: 'JAVA_OPTS', meaning: 'options for java, if JENKINS_JAVA_OPTS is not set' },
];

/** Variables of `bailey agent` besides those of the image and its options. */
export const agentVariables: readonly Setting[] = [
  { variable: 'BAILEY_PREFLIGHT', default: 'on', meaning: 'off: like --no-preflight' },
  {
    variable: 'XDG_CACHE_HOME',
    default: '~/.cache, else .bailey in the work directory, else a folder below /tmp',
    meaning: 'where a fetched agent.jar is stored, in the folder bailey',
  },
];

/** `bailey agent`. */
export const agentSettings: readonly Setting[] = [
  ...agentOptions,
  ...agentVariables,
  ...agentImageSettings,
  ...jvmSizingSettings,
];
