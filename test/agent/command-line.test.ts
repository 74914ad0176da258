/** The command line of `bailey agent`, seen by a real java. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { buildWitness, installBailey, run, temporaryFolder } from '../jenkins/kit/bailey.ts';
import { program, requires } from '../kit/needs.ts';

interface Report {
  readonly argv: readonly string[];
  readonly pid: number;
}

interface Case {
  readonly name: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
  /** Between `java` and `-jar`. */
  readonly options?: readonly string[];
  /** Behind the jar. */
  readonly agent?: readonly string[];
  readonly warnings?: readonly RegExp[];
}

const kubernetes = {
  JENKINS_SECRET: 's3cret',
  JENKINS_NAME: 'pod-1',
  JENKINS_AGENT_NAME: 'pod-1',
  JENKINS_AGENT_WORKDIR: '/home/jenkins/agent',
  JENKINS_URL: 'http://jenkins:8080/',
  REMOTING_OPTS: '-noReconnectAfter 1d',
};

const cases: readonly Case[] = [
  { name: 'nothing at all' },
  {
    name: 'every variable, in the order of the official script',
    env: {
      JENKINS_SECRET: 's',
      JENKINS_AGENT_NAME: 'n',
      JENKINS_TUNNEL: 'h:1',
      JENKINS_URL: 'http://j',
      JENKINS_AGENT_WORKDIR: '/w d',
      JENKINS_PROTOCOLS: 'JNLP4-connect',
      JENKINS_INSTANCE_IDENTITY: 'id=',
      REMOTING_OPTS: `-jar-cache '/c d'`,
      JAVA_OPTS: '-Da=1',
    },
    args: ['-noKeepAlive'],
    options: ['-Da=1'],
    agent: [
      ...['-secret', 's', '-name', 'n', '-tunnel', 'h:1', '-url', 'http://j', '-workDir', '/w d'],
      ...['-protocols', 'JNLP4-connect', '-instanceIdentity', 'id=', '-jar-cache', '/c d', '-noKeepAlive'],
    ],
  },
  {
    name: 'direct connection',
    env: { JENKINS_DIRECT_CONNECTION: 'h:50000' },
    agent: ['-direct', 'h:50000'],
  },
  { name: 'WebSocket only when it is exactly true', env: { JENKINS_WEB_SOCKET: 'TRUE' } },
  { name: 'WebSocket', env: { JENKINS_WEB_SOCKET: 'true' }, agent: ['-webSocket'] },
  {
    name: 'kubernetes-plugin',
    env: kubernetes,
    agent: [
      ...['-secret', 's3cret', '-name', 'pod-1', '-url', 'http://jenkins:8080/'],
      ...['-workDir', '/home/jenkins/agent', '-noReconnectAfter', '1d'],
    ],
  },
  {
    name: 'kubernetes-plugin sets the tunnel for WebSockets too',
    env: { ...kubernetes, JENKINS_TUNNEL: 'h:1', JENKINS_WEB_SOCKET: 'true' },
    agent: [
      ...['-secret', 's3cret', '-name', 'pod-1', '-url', 'http://jenkins:8080/'],
      ...['-workDir', '/home/jenkins/agent', '-webSocket', '-noReconnectAfter', '1d'],
    ],
    warnings: [/warning: JENKINS_TUNNEL is not used/],
  },
  {
    name: 'a name that is part of another argument is not given twice (the official script drops it)',
    env: { JENKINS_AGENT_NAME: 'agent', JENKINS_SECRET: 'jenkins' },
    args: ['-workDir', '/home/jenkins/agent'],
    agent: ['-secret', 'jenkins', '-name', 'agent', '-workDir', '/home/jenkins/agent'],
  },
  {
    name: 'a value that looks like an option is a value',
    env: { JENKINS_SECRET: 's' },
    args: ['-name', '-secret'],
    agent: ['-secret', 's', '-name', '-secret'],
  },
  {
    name: 'arguments win over the environment',
    env: { JENKINS_SECRET: 'e', JENKINS_NAME: 'e', JENKINS_AGENT_WORKDIR: '/e', JENKINS_TUNNEL: 'e:1' },
    args: ['-secret', 'a', '-name', 'a', '-workDir', '/a', '-tunnel', 'a:1'],
    agent: ['-secret', 'a', '-name', 'a', '-workDir', '/a', '-tunnel', 'a:1'],
    warnings: [/JENKINS_SECRET is not used/, /JENKINS_NAME is not used/, /JENKINS_AGENT_WORKDIR is not used/],
  },
  {
    name: 'JENKINS_NAME wins over JENKINS_AGENT_NAME',
    env: { JENKINS_NAME: 'one', JENKINS_AGENT_NAME: 'other' },
    agent: ['-name', 'one'],
  },
  {
    name: 'secret and name by their places',
    env: { JENKINS_SECRET: 'e', JENKINS_AGENT_NAME: 'e' },
    args: ['-url', 'http://jenkins-server:8080', 'secret', 'name'],
    agent: ['-url', 'http://jenkins-server:8080', 'secret', 'name'],
    warnings: [/JENKINS_SECRET is not used/, /JENKINS_AGENT_NAME is not used/],
  },
  {
    name: 'a secret in a file passes through',
    env: { JENKINS_SECRET: '@/run/secret' },
    agent: ['-secret', '@/run/secret'],
  },
  {
    name: 'no eval: quotes hold, nothing runs',
    env: { REMOTING_OPTS: `-name "a b" -workDir $(id) -agentLog *` },
    agent: ['-name', 'a b', '-workDir', '$(id)', '-agentLog', '*'],
  },
  {
    name: 'JENKINS_JAVA_OPTS replaces JAVA_OPTS, quotes honoured',
    env: { JAVA_OPTS: '-Da=1', JENKINS_JAVA_OPTS: '-Db="x y"' },
    options: ['-Db=x y'],
  },
  {
    name: 'empty variables',
    env: { JENKINS_JAVA_OPTS: '', JAVA_OPTS: '-Da=1', JENKINS_URL: '' },
    options: ['-Da=1'],
  },
  { name: '-help and --', args: ['-help', '--'], agent: ['-help', '--'] },
];

if (requires(t, program('javac'), program('jar'), program('java'))) {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  const jar = buildWitness(folder);
  const base = { PATH: process.env['PATH'], JENKINS_AGENT_FILE: jar };

  t.test('the command line is exactly this', async (t) => {
    for (const { name, env = {}, args = [], options = [], agent = [], warnings = [] } of cases) {
      const ran = await run(bailey, { args: ['agent', ...args], env: { ...base, ...env } });
      t.equal(ran.code, 0, `${name}: ${ran.stderr}`);
      const report = JSON.parse(ran.stdout) as Report;
      t.strictSame(report.argv, ['java', ...options, '-jar', jar, ...agent], name);
      t.equal(report.pid, ran.pid, name);
      const said = ran.stderr.split('\n').slice(0, -1);
      t.equal(said.length, warnings.length, `${name}: ${ran.stderr}`);
      for (const [at, warning] of warnings.entries()) t.match(said[at], warning, name);
    }
  });

  t.test('java: JENKINS_JAVA_BIN, then JAVA_HOME, then PATH', async (t) => {
    const real = spawnSync('sh', ['-c', 'readlink -f "$(command -v java)"'], {
      encoding: 'utf8',
    }).stdout.trim();
    mkdirSync(join(folder, 'jdk/bin'), { recursive: true });
    symlinkSync(real, join(folder, 'jdk/bin/java'));
    const argv0 = async (env: NodeJS.ProcessEnv): Promise<string | undefined> => {
      const ran = await run(bailey, { args: ['agent'], env: { ...base, ...env } });
      t.equal(ran.code, 0, ran.stderr);
      return (JSON.parse(ran.stdout) as Report).argv[0];
    };
    t.equal(await argv0({}), 'java');
    t.equal(await argv0({ JAVA_HOME: join(folder, 'jdk') }), join(folder, 'jdk/bin/java'));
    t.equal(await argv0({ JAVA_HOME: '/no/such/jdk', JENKINS_JAVA_BIN: real }), real);
    const wrong = await run(bailey, { args: ['agent'], env: { ...base, JAVA_HOME: '/no/such/jdk' } });
    t.equal(wrong.code, 127);
    t.match(wrong.stderr, /^bailey: \/no\/such\/jdk\/bin\/java does not exist; [^\n]+\n$/);
  });
}

t.test('one argument that is no option is a program', async (t) => {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  writeFileSync(join(folder, 'look'), '#!/bin/sh\necho "$$ $#"\n', { mode: 0o755 });
  const env = { PATH: `${folder}:/usr/bin:/bin`, REMOTING_OPTS: '"' };
  const ran = await run(bailey, { args: ['agent', 'look'], env });
  t.equal(ran.stdout, `${ran.pid} 0\n`, ran.stderr);
  const missing = await run(bailey, { args: ['agent', 'nope'], env });
  t.equal(missing.code, 127);
  t.match(missing.stderr, /^bailey: nope is in no folder of PATH; [^\n]+\n$/);
});

t.test('what is wrong is said before java starts', async (t) => {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  writeFileSync(join(folder, 'java'), '#!/bin/sh\necho java ran\n', { mode: 0o755 });
  writeFileSync(join(folder, 'agent.jar'), '');
  const base = { PATH: `${folder}:/usr/bin:/bin`, JENKINS_AGENT_FILE: join(folder, 'agent.jar') };
  const wrong: readonly [number, RegExp, NodeJS.ProcessEnv, ...string[]][] = [
    [
      64,
      /-webSocket \(JENKINS_WEB_SOCKET\) and -direct \(JENKINS_DIRECT_CONNECTION\) exclude each other/,
      { JENKINS_WEB_SOCKET: 'true', JENKINS_DIRECT_CONNECTION: 'h:1' },
    ],
    [64, /-webSocket and -tunnel exclude/, {}, '-webSocket', '-tunnel', 'h:1'],
    [
      64,
      /-webSocket \(JENKINS_WEB_SOCKET\) and -credentials exclude/,
      { JENKINS_WEB_SOCKET: 'true' },
      '-credentials',
      'a:b',
    ],
    [64, /-webSocket and -noKeepAlive exclude/, {}, '-noKeepAlive', '-webSocket'],
    [
      64,
      /-noReconnectAfter \(REMOTING_OPTS\) and -noReconnect exclude/,
      { REMOTING_OPTS: '-noReconnectAfter 1d' },
      '-noReconnect',
    ],
    [78, /REMOTING_OPTS has a double quote at character 7/, { REMOTING_OPTS: '-name "' }],
    [78, /JENKINS_JAVA_OPTS has a single quote at character 1/, { JENKINS_JAVA_OPTS: "'" }],
    [
      78,
      /JENKINS_AGENT_FILE \/no\.jar does not exist; put agent\.jar there/,
      { JENKINS_AGENT_FILE: '/no.jar' },
    ],
    [127, /java is in no folder of PATH/, { PATH: '/nowhere' }],
  ];
  for (const [code, line, env, ...args] of wrong) {
    const ran = await run(bailey, { args: ['agent', ...args], env: { ...base, ...env } });
    t.equal(ran.code, code, `${line}: ${ran.stderr}`);
    t.match(ran.stderr, line);
    t.match(ran.stderr, /^bailey: [^\n]+\n$/);
    t.equal(ran.stdout, '');
  }
});
