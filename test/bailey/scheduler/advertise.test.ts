/** `--advertise` with the real variables of each scheduler, checked on the command line of a real java. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { program, requires } from '../../kit/needs.ts';
import {
  buildWitness,
  type Ended,
  installBailey,
  knownController,
  run,
  temporaryFolder,
} from '../kit/bailey.ts';

/** Marathon: a task with its own network and two mapped ports (Docker, BRIDGE). */
const marathonBridge = {
  MARATHON_APP_ID: '/ci/jenkins',
  MARATHON_APP_VERSION: '2026-08-02T09:37:00.596Z',
  MARATHON_APP_DOCKER_IMAGE: 'jenkins-with-bailey',
  MARATHON_APP_LABELS: '',
  MARATHON_APP_RESOURCE_CPUS: '1.0',
  MARATHON_APP_RESOURCE_MEM: '2048.0',
  MESOS_TASK_ID: 'ci_jenkins.3f1c2d7e-1111-11f0-9f5c-70b3d5800001',
  MESOS_SANDBOX: '/mnt/mesos/sandbox',
  MESOS_CONTAINER_NAME: 'mesos-6a1c',
  HOST: 'agent-7.mesos.example',
  PORT: '31704',
  PORT0: '31704',
  PORT1: '31705',
  PORTS: '31704,31705',
  PORT_8080: '31704',
  PORT_50000: '31705',
};

/** Marathon with host networking: the task must listen on the ports. */
const marathonHost = {
  MARATHON_APP_ID: '/ci/jenkins',
  MESOS_TASK_ID: 'ci_jenkins.4',
  HOST: '10.4.0.7',
  PORT: '31002',
  PORT0: '31002',
  PORT1: '31003',
  PORTS: '31002,31003',
  PORT_31002: '31002',
  PORT_31003: '31003',
};

/** Nomad: a group with its own network (mode bridge) and the ports http and agent. */
const nomadBridge = {
  NOMAD_ALLOC_ID: '5e0f2a8c-4f3e-7a0e-9d2b-0d1c8a4b5f60',
  NOMAD_ALLOC_NAME: 'jenkins.ci[0]',
  NOMAD_JOB_NAME: 'jenkins',
  NOMAD_GROUP_NAME: 'ci',
  NOMAD_TASK_NAME: 'controller',
  NOMAD_DC: 'dc1',
  NOMAD_IP_http: '192.0.2.21',
  NOMAD_HOST_IP_http: '192.0.2.21',
  NOMAD_PORT_http: '8080',
  NOMAD_ALLOC_PORT_http: '8080',
  NOMAD_HOST_PORT_http: '24110',
  NOMAD_ADDR_http: '192.0.2.21:24110',
  NOMAD_HOST_ADDR_http: '192.0.2.21:24110',
  NOMAD_IP_agent: '192.0.2.21',
  NOMAD_HOST_IP_agent: '192.0.2.21',
  NOMAD_PORT_agent: '50000',
  NOMAD_ALLOC_PORT_agent: '50000',
  NOMAD_HOST_PORT_agent: '28444',
  NOMAD_ADDR_agent: '192.0.2.21:28444',
  NOMAD_HOST_ADDR_agent: '192.0.2.21:28444',
};

/** Nomad before 1.0, with host networking. */
const nomadHost = {
  NOMAD_ALLOC_ID: '5e0f2a8c-4f3e-7a0e-9d2b-0d1c8a4b5f61',
  NOMAD_IP_jnlp: '192.0.2.22',
  NOMAD_PORT_jnlp: '23901',
  NOMAD_HOST_PORT_jnlp: '23901',
  NOMAD_ADDR_jnlp: '192.0.2.22:23901',
};

/** Kubernetes: a namespace with the services of the Helm chart: jenkins (8080) and jenkins-agent (50000). */
const kubernetes = {
  KUBERNETES_SERVICE_HOST: '10.96.0.1',
  KUBERNETES_SERVICE_PORT: '443',
  KUBERNETES_SERVICE_PORT_HTTPS: '443',
  KUBERNETES_PORT: 'tcp://10.96.0.1:443',
  KUBERNETES_PORT_443_TCP: 'tcp://10.96.0.1:443',
  JENKINS_SERVICE_HOST: '10.96.14.2',
  JENKINS_SERVICE_PORT: '8080',
  JENKINS_SERVICE_PORT_HTTP: '8080',
  JENKINS_PORT: 'tcp://10.96.14.2:8080',
  JENKINS_PORT_8080_TCP: 'tcp://10.96.14.2:8080',
  JENKINS_AGENT_SERVICE_HOST: '10.96.88.40',
  JENKINS_AGENT_SERVICE_PORT: '50000',
  JENKINS_AGENT_SERVICE_PORT_AGENT_LISTENER: '50000',
  JENKINS_AGENT_PORT: 'tcp://10.96.88.40:50000',
  JENKINS_AGENT_PORT_50000_TCP: 'tcp://10.96.88.40:50000',
  JENKINS_AGENT_PORT_50000_TCP_PROTO: 'tcp',
  JENKINS_AGENT_PORT_50000_TCP_PORT: '50000',
  JENKINS_AGENT_PORT_50000_TCP_ADDR: '10.96.88.40',
};

/** A service that maps port 80 to the agent port, recognizable only by the port's name. */
const kubernetesOtherPort = {
  KUBERNETES_SERVICE_HOST: 'fd00::1',
  CI_SERVICE_HOST: 'fd00::77',
  CI_SERVICE_PORT: '80',
  CI_SERVICE_PORT_JNLP: '80',
  CI_PORT_80_TCP: 'tcp://[fd00::77]:80',
};

interface Case {
  readonly name: string;
  readonly env: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
}

interface ControllerCase extends Case {
  /** The system properties, except that of the lifecycle. */
  readonly properties: Readonly<Record<string, string>>;
  readonly says: string;
}

const listen = 'jenkins.model.Jenkins.slaveAgentPort';
const host = 'hudson.TcpSlaveAgentListener.hostName';
const port = 'hudson.TcpSlaveAgentListener.port';
const image = { JENKINS_SLAVE_AGENT_PORT: '50000' };
const auto = { ...image, BAILEY_ADVERTISE: 'auto' };

const controllers: readonly ControllerCase[] = [
  {
    name: 'Marathon, mapped ports',
    env: { ...auto, ...marathonBridge },
    properties: { [host]: 'agent-7.mesos.example', [port]: '31705', [listen]: '50000' },
    says: 'agent-7.mesos.example:31705 (HOST and PORT_50000)',
  },
  {
    name: "Marathon, the host's network",
    env: { ...auto, ...marathonHost },
    properties: { [listen]: '31003', [host]: '10.4.0.7', [port]: '31003' },
    says: '10.4.0.7:31003 (HOST and PORT1)',
  },
  {
    name: 'Marathon, a port with a name',
    env: { ...auto, ...marathonHost, PORTS: '1,31009,3', PORT_AGENT: '31009' },
    properties: { [listen]: '31009', [host]: '10.4.0.7', [port]: '31009' },
    says: '10.4.0.7:31009 (HOST and PORT_AGENT)',
  },
  {
    name: 'Nomad, mapped ports',
    env: { ...auto, ...nomadBridge },
    properties: { [listen]: '50000', [host]: '192.0.2.21', [port]: '28444' },
    says: '192.0.2.21:28444 (NOMAD_HOST_IP_agent and NOMAD_HOST_PORT_agent)',
  },
  {
    name: "Nomad, the host's network",
    env: { ...auto, ...nomadHost },
    properties: { [listen]: '23901', [host]: '192.0.2.22', [port]: '23901' },
    says: '192.0.2.22:23901 (NOMAD_IP_jnlp and NOMAD_HOST_PORT_jnlp)',
  },
  {
    name: 'Kubernetes, a service for the port',
    env: { ...auto, ...kubernetes },
    properties: { [host]: '10.96.88.40', [port]: '50000', [listen]: '50000' },
    says: '10.96.88.40:50000 (JENKINS_AGENT_SERVICE_PORT_AGENT_LISTENER)',
  },
  {
    name: 'Kubernetes, another port, IPv6',
    env: { ...auto, ...kubernetesOtherPort },
    properties: { [host]: 'fd00::77', [port]: '80', [listen]: '50000' },
    says: '[fd00::77]:80 (CI_SERVICE_PORT_JNLP)',
  },
  {
    name: "Swarm, whose templates set the user's variables",
    env: { ...image, BAILEY_ADVERTISE: 'node-3:50000' },
    properties: { [host]: 'node-3', [port]: '50000', [listen]: '50000' },
    says: 'node-3:50000 (BAILEY_ADVERTISE)',
  },
  {
    name: 'the option takes precedence over the variable and the scheduler',
    env: { ...auto, ...marathonBridge },
    args: ['--advertise', '[2001:db8::5]:4000', '--httpPort=8081'],
    properties: { [host]: '2001:db8::5', [port]: '4000', [listen]: '50000' },
    says: '[2001:db8::5]:4000 (--advertise)',
  },
  {
    name: 'a configured property is not changed',
    env: { ...auto, ...marathonHost, JAVA_OPTS: `-D${port}=443`, JENKINS_JAVA_OPTS: `-D${listen}=4711` },
    properties: { [port]: '443', [listen]: '4711', [host]: '10.4.0.7' },
    says: '',
  },
  {
    name: 'the agent port is the port that Marathon maps',
    env: { ...auto, ...marathonBridge, PORT_4711: '31999', JAVA_OPTS: `-D${listen}=4711` },
    properties: { [listen]: '4711', [host]: 'agent-7.mesos.example', [port]: '31999' },
    says: 'agent-7.mesos.example:31999 (HOST and PORT_4711)',
  },
  {
    name: 'without a port for agents, nothing is advertised',
    env: { BAILEY_ADVERTISE: 'auto', JENKINS_SLAVE_AGENT_PORT: '-1' },
    properties: { [listen]: '-1' },
    says: '',
  },
  {
    name: 'with address and port given, the scheduler is ignored',
    env: { ...auto, JAVA_OPTS: `-D${port}=443 -D${host}=ci.example` },
    properties: { [port]: '443', [host]: 'ci.example', [listen]: '50000' },
    says: '',
  },
  {
    name: 'without --advertise',
    env: { ...image, ...marathonBridge },
    properties: { [listen]: '50000' },
    says: '',
  },
];

interface AgentCase extends Case {
  readonly tunnel: string | undefined;
}

const agents: readonly AgentCase[] = [
  { name: 'Kubernetes', env: { ...kubernetes, BAILEY_ADVERTISE: 'auto' }, tunnel: '10.96.88.40:50000' },
  {
    name: 'a link of Docker',
    env: { JENKINS_PORT_50000_TCP: 'tcp://172.17.0.5:50000', BAILEY_ADVERTISE: 'auto' },
    tunnel: '172.17.0.5:50000',
  },
  {
    name: 'an upstream of Nomad',
    env: {
      NOMAD_ALLOC_ID: 'a',
      NOMAD_UPSTREAM_IP_jenkins_agent: '127.0.0.1',
      NOMAD_UPSTREAM_PORT_jenkins_agent: '7000',
      NOMAD_UPSTREAM_ADDR_jenkins_agent: '127.0.0.1:7000',
      'NOMAD_UPSTREAM_ADDR_jenkins-agent': '127.0.0.1:7000',
      NOMAD_UPSTREAM_ADDR_cache: '127.0.0.1:7001',
      BAILEY_ADVERTISE: 'auto',
    },
    tunnel: '127.0.0.1:7000',
  },
  {
    name: 'an address',
    env: {},
    args: ['--advertise=agent-7.mesos.example:31705'],
    tunnel: 'agent-7.mesos.example:31705',
  },
  {
    name: 'JENKINS_TUNNEL takes precedence',
    env: { ...kubernetes, BAILEY_ADVERTISE: 'auto', JENKINS_TUNNEL: 'gate:1' },
    tunnel: 'gate:1',
  },
  {
    name: '-tunnel takes precedence',
    env: { BAILEY_ADVERTISE: 'auto' },
    args: ['-tunnel', 'gate:2'],
    tunnel: 'gate:2',
  },
  {
    name: 'a WebSocket gets no tunnel',
    env: { BAILEY_ADVERTISE: 'auto', JENKINS_WEB_SOCKET: 'true' },
    tunnel: undefined,
  },
  {
    name: 'a WebSocket in the options gets no tunnel',
    env: { BAILEY_ADVERTISE: 'auto', REMOTING_OPTS: '-webSocket' },
    tunnel: undefined,
  },
  {
    name: 'a direct connection gets no tunnel',
    env: { BAILEY_ADVERTISE: 'auto', JENKINS_URL: '' },
    args: ['-direct', 'h:1', '-instanceIdentity', 'i'],
    tunnel: undefined,
  },
];

const wrong: readonly [string, number, RegExp, NodeJS.ProcessEnv, ...string[]][] = [
  [
    'jenkins',
    78,
    /^bailey: BAILEY_ADVERTISE auto found no address in the environment \(searched variables: Marathon: HOST with PORT_50000, .*; Nomad: NOMAD_HOST_IP_.*; Kubernetes: .*_PORT_50000_TCP .*\); give the address: BAILEY_ADVERTISE=HOST:PORT$/,
    auto,
  ],
  [
    'agent',
    78,
    /found no address in the environment \(searched variables: Nomad: NOMAD_UPSTREAM_ADDR_.*; Kubernetes: /,
    { ...auto, ...marathonBridge },
  ],
  [
    'jenkins',
    78,
    /auto found more than one address: agent-7\.mesos\.example:31705 \(HOST and PORT_50000\), 10\.96\.88\.40:50000 \(JENKINS_AGENT_SERVICE_PORT_AGENT_LISTENER\); choose one/,
    { ...auto, ...marathonBridge, ...kubernetes },
  ],
  [
    'agent',
    78,
    /--advertise auto found more than one address: 10\.96\.88\.40:50000 .*, 10\.96\.88\.41:50000 \(OLD_PORT_50000_TCP\)/,
    { ...kubernetes, OLD_PORT_50000_TCP: 'tcp://10.96.88.41:50000' },
    '--advertise',
    'auto',
  ],
  ['jenkins', 78, /found no address/, { ...auto, ...marathonBridge, PORT_50000: '' }],
  [
    'jenkins',
    78,
    /found no address/,
    { ...auto, HOST: 'h', PORT_50000: '31705', JENKINS_PORT_50000_TCP: 'tcp://1.2.3.4:50000' },
  ],
  ['jenkins', 78, /found no address/, { ...auto, ...marathonBridge, HOST: 'h -Dx=y' }],
  [
    'jenkins',
    78,
    /^bailey: BAILEY_ADVERTISE "\{\{\.Node\.Hostname\}\}:50000" is not an address; write auto, or HOST:PORT/,
    { BAILEY_ADVERTISE: '{{.Node.Hostname}}:50000' },
  ],
  ['jenkins', 64, /--advertise "h:0" is not an address/, {}, '--advertise', 'h:0'],
  ['jenkins', 64, /--advertise "h:65536" is not an address/, {}, '--advertise=h:65536'],
  ['agent', 64, /--advertise "h" is not an address/, {}, '--advertise', 'h'],
  ['agent', 64, /--advertise needs a value; for usage, run: bailey help agent/, {}, '--advertise'],
  [
    'agent',
    64,
    /\[::1\]:5 \(--advertise\) cannot be a tunnel: agent\.jar does not accept an IPv6 address there/,
    {},
    '--advertise',
    '[::1]:5',
  ],
];

if (requires(t, program('javac'), program('jar'), program('java'))) {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  const witness = buildWitness(folder);
  const home = join(folder, 'home');
  mkdirSync(home);
  const base = {
    PATH: process.env['PATH'],
    JENKINS_HOME: home,
    JENKINS_WAR: witness,
    JENKINS_AGENT_FILE: witness,
    ...knownController,
    REF: join(folder, 'none'),
  };
  const started = (command: string, env: NodeJS.ProcessEnv, args: readonly string[]): Promise<Ended> =>
    run(bailey, { args: [command, ...args], env: { ...base, ...env } });
  const argv = (ran: Ended): string[] => (JSON.parse(ran.stdout) as { argv: string[] }).argv;

  t.test('a controller advertises the address from its scheduler', async (t) => {
    for (const { name, env, args = [], properties, says } of controllers) {
      const ran = await started('jenkins', env, args);
      t.equal(ran.code, 0, `${name}: ${ran.stderr}`);
      const set = argv(ran).flatMap((word) => /^-D([^=]+)=(.*)$/.exec(word) ?? []);
      const found: Record<string, string> = {};
      for (let at = 0; at < set.length; at += 3) found[set[at + 1] ?? ''] = set[at + 2] ?? '';
      t.strictSame(
        found,
        { 'user.home': home, 'hudson.lifecycle': 'hudson.lifecycle.ExitLifecycle', ...properties },
        name,
      );
      t.equal(ran.stderr, says === '' ? '' : `bailey: agents connect to ${says}\n`, name);
      t.notOk(argv(ran).includes('--advertise'), 'the option is not passed on');
    }
  });

  t.test('an agent uses the address from its scheduler as -tunnel', async (t) => {
    for (const { name, env, args = [], tunnel } of agents) {
      const ran = await started('agent', env, args);
      t.equal(ran.code, 0, `${name}: ${ran.stderr}`);
      const words = argv(ran);
      const at = words.indexOf('-tunnel');
      t.equal(at === -1 ? undefined : words[at + 1], tunnel, name);
      t.equal(words.lastIndexOf('-tunnel'), at, `${name}: at most one -tunnel`);
    }
  });

  t.test('wrong or ambiguous addresses are errors before anything is changed', async (t) => {
    for (const [command, code, line, env, ...args] of wrong) {
      const ran = await started(command, env, args);
      t.equal(ran.code, code, `${line}: ${ran.stderr}`);
      t.match(ran.stderr.trimEnd(), line);
      t.match(ran.stderr, /^bailey: [^\n]+\n$/, 'one line');
      t.equal(ran.stdout, '');
    }
  });

  t.test('--advertise has no effect on another program', async (t) => {
    for (const command of ['jenkins', 'agent']) {
      const ran = await started(command, { BAILEY_ADVERTISE: 'auto' }, ['--advertise', 'auto', 'true']);
      t.match(ran, { code: 0, stderr: '' }, command);
    }
  });
}
