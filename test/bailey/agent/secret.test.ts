/** The agent's secret is visible only to its java, however it was configured. */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { asProcess1 } from '../../kit/namespace.ts';
import { pidNamespace, program, requires, root } from '../../kit/needs.ts';
import { type Ended, installBailey, run, temporaryFolder } from '../kit/bailey.ts';
import { createAgentFixture } from './kit/agent-fixture.ts';
import { type AgentReport, buildAgent, buildRestart, jdkHeaders } from './kit/stand-in-programs.ts';

const secret = 'c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7d00d';
const backwards = [...secret].reverse().join('');
const reference = '@/proc/self/fd/0';
const url = ['-url', 'http://jenkins:8080/'];

interface Way {
  readonly name: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly args: readonly string[];
  /** Java's arguments after the jar. */
  readonly shown: readonly string[];
  /** The arguments as agent.jar parses them. */
  readonly read: readonly string[];
}

const ways: readonly Way[] = [
  {
    name: 'JENKINS_SECRET',
    env: { JENKINS_SECRET: secret, JENKINS_NAME: 'n' },
    args: url,
    shown: ['-secret', reference, '-name', 'n', ...url],
    read: ['-secret', secret, '-name', 'n', ...url],
  },
  {
    name: 'JENKINS_SECRET with the end of a line',
    env: { JENKINS_SECRET: `${secret}\n`, JENKINS_NAME: 'n' },
    args: url,
    shown: ['-secret', reference, '-name', 'n', ...url],
    read: ['-secret', secret, '-name', 'n', ...url],
  },
  {
    name: 'an argument',
    args: [...url, '-secret', secret, '-name', 'n'],
    shown: [...url, '-secret', reference, '-name', 'n'],
    read: [...url, '-secret', secret, '-name', 'n'],
  },
  {
    name: 'an argument with =',
    args: [...url, `-secret=${secret}`, '-name', 'n'],
    shown: [...url, '-secret', reference, '-name', 'n'],
    read: [...url, '-secret', secret, '-name', 'n'],
  },
  {
    name: 'as a positional argument',
    args: [...url, secret, 'n'],
    shown: [...url, reference, 'n'],
    read: [...url, secret, 'n'],
  },
  {
    name: 'REMOTING_OPTS',
    env: { REMOTING_OPTS: `-secret ${secret} -name n` },
    args: url,
    shown: ['-secret', reference, '-name', 'n', ...url],
    read: ['-secret', secret, '-name', 'n', ...url],
  },
  {
    name: 'the last of several',
    args: [...url, '-secret', 'other', '-name', 'n', '-secret', secret],
    shown: [...url, '-name', 'n', '-secret', reference],
    read: [...url, '-name', 'n', '-secret', secret],
  },
  {
    name: 'passwords in other options',
    args: [
      ...url,
      '-credentials',
      `u:${secret}`,
      '-secret',
      secret,
      '-name',
      'n',
      '-proxyCredentials',
      `p:${secret}`,
    ],
    shown: [...url, '-secret', reference, '-name', 'n'],
    read: [
      ...url,
      '-secret',
      secret,
      '-credentials',
      `u:${secret}`,
      '-proxyCredentials',
      `p:${secret}`,
      '-name',
      'n',
    ],
  },
];

const headers = (): string | undefined =>
  jdkHeaders() === undefined ? "needs the JDK's C headers" : undefined;

if (requires(t, program('javac'), program('jar'), program('java'), program('cc'), headers)) {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder, true);
  const jar = buildAgent(folder);
  const base = { PATH: process.env['PATH'], JENKINS_AGENT_FILE: jar, BAILEY_PREFLIGHT: 'off' };
  const reportOf = (ran: Ended): AgentReport => JSON.parse(ran.stdout) as AgentReport;

  t.test('the secret reaches java, but not its command line, its environment or its children', async (t) => {
    for (const { name, env = {}, args, shown, read } of ways) {
      const ran = await run(bailey, { args: ['agent', ...args], env: { ...base, ...env } });
      t.equal(ran.code, 0, `${name}: ${ran.stderr}`);
      const report = reportOf(ran);
      t.strictSame(report.argv, ['java', '-jar', jar, ...shown], name);
      t.strictSame(report.arguments, read, name);
      for (const seen of [...report.env, report.child, report.inheritingChild, ran.stderr])
        t.notMatch(seen, secret, name);
      t.notMatch(report.env.join('\n'), /JENKINS_SECRET|REMOTING_OPTS/, name);
      t.strictSame(
        report.memoryFiles.filter((file) => file.startsWith(`${ran.pid} `)),
        [`${ran.pid} 0`],
        name,
      );
    }
  });

  t.test('children inherit no secret, with each of the mechanisms by which java starts them', async (t) => {
    for (const mechanism of ['POSIX_SPAWN', 'VFORK', 'FORK']) {
      const env = {
        ...base,
        JENKINS_SECRET: secret,
        JAVA_OPTS: `-Djdk.lang.Process.launchMechanism=${mechanism}`,
      };
      const ran = await run(bailey, { args: ['agent', ...url, '-name', 'n'], env });
      t.equal(ran.code, 0, ran.stderr);
      const { child, inheritingChild } = reportOf(ran);
      t.match(child, /^sh\n-c\n/, mechanism);
      t.notMatch(child, /memfd|c0ffee/, mechanism);
      // The child inherits standard input, but must read nothing from it.
      t.match(inheritingChild, /memfd/, mechanism);
      t.notMatch(inheritingChild, /c0ffee/, mechanism);
    }
  });

  t.test('an agent that executes itself again can still read the secret', async (t) => {
    const library = buildRestart(folder, jdkHeaders() ?? '');
    const env = { ...base, JENKINS_SECRET: secret, JAVA_OPTS: `-Drestart=${library}` };
    const ran = await run(bailey, { args: ['agent', ...url, '-name', 'n'], env });
    t.equal(ran.code, 0, ran.stderr);
    t.ok(existsSync(`${library}.restarted`), 'java has executed itself');
    t.strictSame(reportOf(ran).arguments, ['-secret', secret, ...url, '-name', 'n']);
    t.notMatch(reportOf(ran).argv.join('\n'), secret);
  });

  t.test('a secret in a file of the user stays there; one from a pipe is moved to memory', async (t) => {
    const file = join(folder, 'secret');
    writeFileSync(file, `${secret}\n`);
    const args = ['agent', ...url, '-secret', `@${file}`, '-name', 'n'];
    const ran = await run(bailey, { args, env: base });
    t.equal(ran.code, 0, ran.stderr);
    t.strictSame(reportOf(ran).argv.slice(3), [...url, '-secret', `@${file}`, '-name', 'n']);
    // Other processes of this machine may have memfds, too.
    const own = reportOf(ran).memoryFiles.filter((memory) => memory.startsWith(`${ran.pid} `));
    t.strictSame(own, []);

    const piped = spawnSync(
      'bash',
      ['-c', `exec ${process.execPath} ${bailey} agent ${url.join(' ')} -secret @<(cat ${file}) -name n`],
      { encoding: 'utf8', env: base, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    t.equal(piped.status, 0, piped.stderr);
    const report = JSON.parse(piped.stdout) as AgentReport;
    t.strictSame(report.argv.slice(3), [...url, '-secret', reference, '-name', 'n']);
    t.strictSame(report.arguments, [...url, '-secret', secret, '-name', 'n']);
  });

  t.test('without readable memory files, the secret stays on the command line, with a warning', async (t) => {
    if (!requires(t, root)) return;
    const plain = createAgentFixture(t);
    const ran = await run(plain.bailey, {
      args: ['agent', '--no-preflight', ...url, '-secret', secret, '-name', 'n'],
      env: plain.env,
      below: ['unshare', '--mount', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh'],
    });
    t.equal(ran.code, 0, ran.stderr);
    t.match(ran.stdout, `-secret ${secret} -name n`);
    t.match(ran.stderr, /^bailey: warning: the secret stays on java's command line: .* \(ENOENT\)\n$/);
  });

  t.test('in a container, no process shows the secret', async (t) => {
    if (!requires(t, pidNamespace)) return;
    const init = [join(folder, 'dist/bailey-init'), '--forget', 'JENKINS_SECRET,-secret', '--'];
    const name = ['-name', 'n'];
    for (const [args, env, below] of [
      [name, { JENKINS_SECRET: secret }, init],
      [['-secret', secret, ...name], {}, init],
      // As PID 1, bailey replaces itself with bailey-init.
      [name, { JENKINS_SECRET: secret }, []],
      [[`-secret=${secret}`, ...name], {}, []],
      [[secret, 'n'], {}, []],
      [name, { REMOTING_OPTS: `-secret ${secret}` }, []],
      [['-webSocket', '-webSocketHeader', `X=${secret}`, '-secret', 's', ...name], {}, []],
    ] as const) {
      const ran = await run(bailey, {
        args: ['agent', ...url, ...args],
        // Other PID namespaces have a process with this pid, too, and java's performance data file in /tmp is named after the pid.
        env: { ...base, ...env, JAVA_OPTS: `-XX:-UsePerfData -Dneedle=${backwards}` },
        below: asProcess1(below),
      });
      t.equal(ran.code, 0, ran.stderr);
      t.strictSame(reportOf(ran).visibleIn, []);
      // 1 is bailey-init; java is its only child.
      t.strictSame(
        reportOf(ran).memoryFiles.map((file) => file.split(' ')[1]),
        ['0'],
      );
    }
  });
}
