/** The command line that `bailey agent` gives a real java. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { program, requires } from '../../kit/needs.ts';
import { buildWitness, installBailey, run, temporaryFolder } from '../kit/bailey.ts';

interface Report {
  readonly argv: readonly string[];
  readonly pid: number;
}

interface Case {
  readonly name: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
  /** Java options, before `-jar`. */
  readonly options?: readonly string[];
  /** Arguments after the jar. */
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

/** The argument that replaces a secret. */
const hidden = '@/proc/self/fd/0';
const url = ['-url', 'http://j'];

const cases: readonly Case[] = [
  {
    name: 'every variable, in the order of the official script',
    env: {
      JENKINS_SECRET: 's',
      JENKINS_AGENT_NAME: 'n',
      JENKINS_TUNNEL: 'h:1',
      JENKINS_URL: 'http://j',
      JENKINS_AGENT_WORKDIR: '/w d',
      REMOTING_OPTS: `-jar-cache '/c d'`,
      JAVA_OPTS: '-Da=1',
    },
    args: ['-noKeepAlive'],
    options: ['-Da=1'],
    agent: [
      ...['-secret', hidden, '-name', 'n', '-tunnel', 'h:1', '-url', 'http://j', '-workDir', '/w d'],
      ...['-jar-cache', '/c d', '-noKeepAlive'],
    ],
  },
  {
    name: 'direct connection',
    env: {
      JENKINS_SECRET: 's',
      JENKINS_NAME: 'n',
      JENKINS_DIRECT_CONNECTION: 'h:50000',
      JENKINS_PROTOCOLS: 'JNLP4-connect',
      JENKINS_INSTANCE_IDENTITY: 'id=',
    },
    agent: [
      ...['-secret', hidden, '-name', 'n', '-direct', 'h:50000'],
      ...['-protocols', 'JNLP4-connect', '-instanceIdentity', 'id='],
    ],
  },
  {
    name: 'WebSocket only when it is exactly true',
    env: { JENKINS_WEB_SOCKET: 'TRUE' },
    args: ['-help'],
    agent: ['-help'],
  },
  {
    name: 'WebSocket',
    env: { JENKINS_URL: 'http://j', JENKINS_WEB_SOCKET: 'true' },
    args: ['-help'],
    agent: [...url, '-webSocket', '-help'],
  },
  {
    name: 'kubernetes-plugin',
    env: kubernetes,
    agent: [
      ...['-secret', hidden, '-name', 'pod-1', '-url', 'http://jenkins:8080/'],
      ...['-workDir', '/home/jenkins/agent', '-noReconnectAfter', '1d'],
    ],
  },
  {
    name: 'kubernetes-plugin sets the tunnel for WebSockets too',
    env: { ...kubernetes, JENKINS_TUNNEL: 'h:1', JENKINS_WEB_SOCKET: 'true' },
    agent: [
      ...['-secret', hidden, '-name', 'pod-1', '-url', 'http://jenkins:8080/'],
      ...['-workDir', '/home/jenkins/agent', '-webSocket', '-noReconnectAfter', '1d'],
    ],
    warnings: [/warning: JENKINS_TUNNEL is ignored/],
  },
  {
    name: 'a name that is part of another argument is passed once (the official script drops it)',
    env: { JENKINS_AGENT_NAME: 'agent', JENKINS_SECRET: 'jenkins' },
    args: [...url, '-workDir', '/home/jenkins/agent'],
    agent: ['-secret', hidden, '-name', 'agent', ...url, '-workDir', '/home/jenkins/agent'],
  },
  {
    name: 'a value that looks like an option is a value',
    env: { JENKINS_SECRET: 's' },
    args: [...url, '-name', '-secret'],
    agent: ['-secret', hidden, ...url, '-name', '-secret'],
  },
  {
    name: 'arguments win over the environment',
    env: { JENKINS_SECRET: 'e', JENKINS_NAME: 'e', JENKINS_AGENT_WORKDIR: '/e', JENKINS_TUNNEL: 'e:1' },
    args: [...url, '-secret', 'a', '-name', 'a', '-workDir', '/a', '-tunnel', 'a:1'],
    agent: [...url, '-secret', hidden, '-name', 'a', '-workDir', '/a', '-tunnel', 'a:1'],
    warnings: [/JENKINS_SECRET is ignored/, /JENKINS_NAME is ignored/, /JENKINS_AGENT_WORKDIR is ignored/],
  },
  {
    name: 'JENKINS_NAME wins over JENKINS_AGENT_NAME',
    env: { JENKINS_NAME: 'one', JENKINS_AGENT_NAME: 'other' },
    args: ['-version'],
    agent: ['-name', 'one', '-version'],
  },
  {
    name: 'positional secret and name',
    env: { JENKINS_SECRET: 'e', JENKINS_AGENT_NAME: 'e' },
    args: ['-url', 'http://jenkins-server:8080', 'secret', 'name'],
    agent: ['-url', 'http://jenkins-server:8080', hidden, 'name'],
    warnings: [
      /JENKINS_SECRET is ignored/,
      /JENKINS_AGENT_NAME is ignored/,
      /a positional secret and name are deprecated: use -secret and -name/,
    ],
  },
  {
    name: 'several URLs, in order',
    env: { JENKINS_SECRET: 's', JENKINS_NAME: 'n', JENKINS_URL: 'http://a' },
    args: ['-url', 'https://b', '-url=http://c/jenkins'],
    agent: [
      '-secret',
      hidden,
      '-name',
      'n',
      '-url',
      'http://a',
      '-url',
      'https://b',
      '-url=http://c/jenkins',
    ],
  },
  {
    name: 'quotes are kept and no shell evaluates the value',
    env: { REMOTING_OPTS: `-name "a b" -workDir $(id) -agentLog *` },
    args: ['-help'],
    agent: ['-name', 'a b', '-workDir', '$(id)', '-agentLog', '*', '-help'],
  },
  {
    name: 'a certificate in a file, whose lines agent.jar would read as arguments',
    args: ['-help', '-cert', '@/ca.pem', '-cert', '-----BEGIN CERTIFICATE-----'],
    agent: ['-help', '-cert=@/ca.pem', '-cert', '-----BEGIN CERTIFICATE-----'],
  },
  {
    name: 'options that agent.jar calls deprecated',
    args: ['-jnlpUrl', 'http://j/computer/n/jenkins-agent.jnlp', '-jnlpCredentials', 'u:p', '-headless'],
    agent: [...['-jnlpUrl', 'http://j/computer/n/jenkins-agent.jnlp', hidden, '-headless']],
    warnings: [/-jnlpUrl is deprecated: use -url and -name/, /-headless is deprecated/],
  },
  {
    name: 'an option of a later agent.jar, which may have a value',
    args: [...url, '-name', 'n', '-secret', 's', '-newOption', 'value', '-other'],
    agent: [...url, '-name', 'n', '-secret', hidden, '-newOption', 'value', '-other'],
  },
  {
    name: 'JENKINS_JAVA_OPTS replaces JAVA_OPTS, quotes honoured',
    env: { JAVA_OPTS: '-Da=1', JENKINS_JAVA_OPTS: '-Db="x y"' },
    args: ['-help'],
    options: ['-Db=x y'],
    agent: ['-help'],
  },
  {
    name: 'empty variables',
    env: { JENKINS_JAVA_OPTS: '', JAVA_OPTS: '-Da=1', JENKINS_URL: '' },
    args: ['-help'],
    options: ['-Da=1'],
    agent: ['-help'],
  },
  { name: '-help and --', args: ['-help', '--'], agent: ['-help', '--'] },
];

if (requires(t, program('javac'), program('jar'), program('java'))) {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  const jar = buildWitness(folder);
  const base = { PATH: process.env['PATH'], JENKINS_AGENT_FILE: jar, BAILEY_PREFLIGHT: 'off' };

  t.test('java gets exactly the expected command line', async (t) => {
    for (const { name, env = {}, args = [], options = [], agent = [], warnings = [] } of cases) {
      const ran = await run(bailey, { args: ['agent', ...args], env: { ...base, ...env } });
      t.equal(ran.code, 0, `${name}: ${ran.stderr}`);
      const report = JSON.parse(ran.stdout) as Report;
      t.strictSame(report.argv, ['java', ...options, '-jar', jar, ...agent], name);
      t.equal(report.pid, ran.pid, name);
      const stderrLines = ran.stderr.split('\n').slice(0, -1);
      t.equal(stderrLines.length, warnings.length, `${name}: ${ran.stderr}`);
      for (const [at, warning] of warnings.entries()) t.match(stderrLines[at], warning, name);
    }
  });

  t.test('java is searched in JENKINS_JAVA_BIN, then JAVA_HOME, then PATH', async (t) => {
    const real = spawnSync('sh', ['-c', 'readlink -f "$(command -v java)"'], {
      encoding: 'utf8',
    }).stdout.trim();
    mkdirSync(join(folder, 'jdk/bin'), { recursive: true });
    symlinkSync(real, join(folder, 'jdk/bin/java'));
    const argv0 = async (env: NodeJS.ProcessEnv): Promise<string | undefined> => {
      const ran = await run(bailey, { args: ['agent', '-version'], env: { ...base, ...env } });
      t.equal(ran.code, 0, ran.stderr);
      return (JSON.parse(ran.stdout) as Report).argv[0];
    };
    t.equal(await argv0({}), 'java');
    t.equal(await argv0({ JAVA_HOME: join(folder, 'jdk') }), join(folder, 'jdk/bin/java'));
    t.equal(await argv0({ JAVA_HOME: '/no/such/jdk', JENKINS_JAVA_BIN: real }), real);
    const wrong = await run(bailey, {
      args: ['agent', '-version'],
      env: { ...base, JAVA_HOME: '/no/such/jdk' },
    });
    t.equal(wrong.code, 127);
    t.match(wrong.stderr, /^bailey: \/no\/such\/jdk\/bin\/java does not exist; [^\n]+\n$/);
  });
}

t.test('a single argument that is not an option is a program to run', async (t) => {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  writeFileSync(join(folder, 'look'), '#!/bin/sh\necho "$$ $#"\n', { mode: 0o755 });
  const env = { PATH: `${folder}:/usr/bin:/bin`, REMOTING_OPTS: '"' };
  const ran = await run(bailey, { args: ['agent', 'look'], env });
  t.equal(ran.stdout, `${ran.pid} 0\n`, ran.stderr);
  const missing = await run(bailey, { args: ['agent', 'nope'], env });
  t.equal(missing.code, 127);
  t.match(missing.stderr, /^bailey: nope is not in PATH; [^\n]+\n$/);
});
