/** dist/bailey-agent, the single-file agent, behaves like `bailey agent` in any directory. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { blocks, inNamespace, Running, until } from '../../kit/namespace.ts';
import { agentFile, injectedAgent, pidNamespace, program, requires, root } from '../../kit/needs.ts';
import {
  buildWitness,
  type Ended,
  installBailey,
  knownController,
  run,
  temporaryFolder,
} from '../kit/bailey.ts';

interface Report {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly pid: number;
}

/** The file alone, in a folder without other files of Bailey. */
function inject(t: Test): string {
  const file = join(temporaryFolder(t), 'bailey-agent');
  copyFileSync(agentFile, file);
  chmodSync(file, 0o755);
  return file;
}

let copied: string | undefined;

/** One copy for all tests that do not change it. */
function injected(): string {
  copied ??= inject(t);
  return copied;
}

const path = process.env['PATH'] ?? '';

if (requires(t, injectedAgent, program('javac'), program('jar'), program('java'))) {
  t.test('java gets the same command line and environment as from bailey agent', async (t) => {
    const folder = temporaryFolder(t);
    const jar = buildWitness(folder);
    const bailey = installBailey(folder);
    const agent = injected();
    const cases: { args: string[]; env?: NodeJS.ProcessEnv }[] = [
      { args: [] },
      { args: ['-name', 'build 1', '-workDir', '/w', '-noReconnect'] },
      { args: ['--', '-e', '--eval=0', '-p', '--require', '/no.js', '--version'] },
      { args: ['-help'], env: { JAVA_OPTS: `-Da='x y'`, REMOTING_OPTS: '-jar-cache "/c d"' } },
      { args: ['-name', 'a'], env: { NODE_OPTIONS: '--require=/no/such/file.js --title=x' } },
      { args: ['-name', 'a'], env: { NODE_OPTIONS: '' } },
    ];
    for (const { args, env = {} } of cases) {
      const options = { env: { PATH: path, JENKINS_AGENT_FILE: jar, ...knownController, ...env } };
      // NODE_OPTIONS is not set for `bailey agent`, whose Node would read it.
      const { NODE_OPTIONS: _, ...readable } = options.env as NodeJS.ProcessEnv;
      const normal = await run(bailey, { args: ['agent', ...args], env: readable });
      const injected = execute(agent, args, options.env);
      t.equal(injected.code, 0, `${args}: ${injected.stderr}`);
      const [expected, got] = [normal, injected].map(({ stdout }) => JSON.parse(stdout) as Report);
      t.strictSame(got?.argv, expected?.argv, args.join(' '));
      t.equal(got?.pid, injected.pid, 'java replaces the process');
      t.strictSame(
        [...(got?.env ?? [])].sort(),
        withVariables(expected?.env, env),
        'the environment is the same',
      );
    }
  });

  t.test('an argument that is not valid UTF-8 is passed on unchanged', (t) => {
    const agent = injected();
    const jar = join(temporaryFolder(t), 'agent.jar');
    writeFileSync(jar, '');
    const java = join(temporaryFolder(t), 'java');
    writeFileSync(java, '#!/bin/sh\nfor last; do :; done\nprintf %s "$last" | od -An -tx1\n', {
      mode: 0o755,
    });
    const env = { PATH: path, ...knownController, JENKINS_AGENT_FILE: jar, JENKINS_JAVA_BIN: java };
    const ran = spawnSync('sh', ['-c', `exec "$0" -name "$(printf 'a\\377b')"`, agent], { env });
    t.equal(String(ran.stdout).trim(), '61 ff 62', String(ran.stderr));
    t.end();
  });
}

/** An environment with these variables added, sorted. */
function withVariables(env: readonly string[] = [], { NODE_OPTIONS: options }: NodeJS.ProcessEnv): string[] {
  return [...env, ...(options === undefined ? [] : [`NODE_OPTIONS=${options}`])].sort();
}

/** Starts through env(1), because tap adds its own variables to the environment of spawn. */
function execute(file: string, args: readonly string[], env: NodeJS.ProcessEnv, uid?: number): Ended {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const { pid, status, signal, stdout, stderr } = spawnSync('env', ['-i', ...variables, file, ...args], {
    cwd: '/',
    encoding: 'utf8',
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  return { pid, code: status, signal, stdout, stderr };
}

if (requires(t, injectedAgent, program('objdump'))) {
  t.test('a single argument is a program that replaces the process', (t) => {
    const agent = injected();
    const look = join(temporaryFolder(t), 'look');
    const lines = [
      'ls -l /proc/self/fd',
      'echo "pid $$"',
      'cat /proc/$$/comm',
      'printenv LD_PRELOAD || echo no preload',
    ];
    writeFileSync(look, `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 });
    const ran = execute(agent, [look], { PATH: path });
    t.match(
      ran.stdout,
      new RegExp(`^pid ${ran.pid}\nlook\nno preload$`, 'm'),
      'the program has the same pid',
    );
    t.notMatch(ran.stdout, /memfd|bailey-agent/, 'the program inherits no descriptor of bailey-agent');
    t.equal(execute(agent, ['nope'], { PATH: path }).code, 127);
    t.end();
  });

  t.test('errors are reported in one line', (t) => {
    const agent = injected();
    const wrong = execute(agent, ['-webSocket', '-tunnel', 'h:1'], { PATH: path });
    t.equal(wrong.code, 64);
    t.match(wrong.stderr, /^bailey: -webSocket and -tunnel cannot be combined[^\n]*\n$/);
    const missing = execute(agent, [], { PATH: '/nowhere', ...knownController });
    t.equal(missing.code, 127);
    t.match(missing.stderr, /^bailey: java is not in PATH; [^\n]+\n$/);
    t.end();
  });

  t.test('--help and --version are printed', (t) => {
    const agent = injected();
    t.match(execute(agent, ['-h'], {}).stdout, /^Usage: bailey-agent /);
    t.match(execute(agent, ['-V'], {}).stdout, /^bailey-agent \d/);
    t.match(execute(agent, ['--help'], {}), {
      code: 0,
      stdout: /^Usage: bailey-agent .*JENKINS_AGENT_FILE/s,
      stderr: '',
    });
    t.match(execute(agent, ['--version'], {}), {
      code: 0,
      stdout: /^bailey-agent \d+\.\d+\.\d+\n$/,
      stderr: '',
    });
    t.end();
  });

  t.test('the agent runs with standard input, output or error closed', (t) => {
    const agent = injected();
    for (const closed of ['<&-', '<&- 2>&-', '<&- >&- 2>&-']) {
      const ran = spawnSync('sh', ['-c', `exec "$0" true ${closed}`, agent], { env: { PATH: path } });
      t.equal(ran.status, 0, closed);
    }
    t.end();
  });

  t.test('the addon in the file requires no later glibc than Node', (t) => {
    const { status, stdout } = spawnSync('objdump', ['-T', 'build/inject/addon.node'], { encoding: 'utf8' });
    t.equal(status, 0);
    t.match(stdout, /\*UND\*\s.* execve$/m, 'the list contains undefined symbols');
    t.notMatch(stdout, /GLIBC/);
    t.end();
  });

  t.test('a truncated copy of bailey-agent does not run', (t) => {
    const { length } = readFileSync(agentFile);
    for (const size of [1_000_000, length - 1]) {
      const agent = inject(t);
      truncateSync(agent, size);
      const ran = execute(agent, ['true'], { PATH: path });
      t.match(ran, { code: 78, stderr: /^bailey-agent: this file is not complete; copy it again\n$/ });
    }
    t.end();
  });
}

if (requires(t, injectedAgent, root)) {
  t.test('bailey-agent that can be executed but not read reports an error', (t) => {
    const agent = inject(t);
    chmodSync(agent, 0o711);
    const ran = execute(agent, ['true'], { PATH: path }, 1000);
    t.match(ran, {
      code: 77,
      stderr: /^bailey-agent: this file cannot be read: Permission denied; chmod a\+rx it\n$/,
    });
    chmodSync(agent, 0o755);
    t.equal(execute(agent, ['true'], { PATH: path }, 1000).code, 0, 'a readable file runs for this user');
    t.end();
  });
}

if (requires(t, injectedAgent, pidNamespace)) {
  t.test('PID 1 is bailey-init, and the program is its child', async (t) => {
    const agent = injected();
    const folder = temporaryFolder(t);
    const look = join(folder, 'look');
    // The last orphan exits before the last line is printed; a zombie would be in the list.
    const script = '(true &); echo "$$ $PPID $(cat /proc/1/comm)"; read line; ps -eo stat=,comm=; exit 7';
    writeFileSync(look, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const running = new Running([agent, look], { env: { PATH: path } });
    t.teardown(() => running.kill());
    t.equal(await running.line(), '2 1 bailey-init');
    const ended = await running.end('go\n');
    t.equal(ended.code, 7, ended.stderr);
    const commands = ended.stdout.split('\n').slice(1, -1);
    t.same(
      commands.map((row) => row.replace(/^\S+\s+/, '')),
      ['bailey-init', 'look', 'ps'],
    );
  });

  t.test('PID 1 erases secrets from its command line and environment', async (t) => {
    const agent = injected();
    const folder = temporaryFolder(t);
    const java = join(folder, 'java');
    // PID 1 erases the secrets before it runs again, after the program's exec.
    const script =
      "while grep -aq 'c0ffe[e]' /proc/1/environ /proc/1/cmdline; do :; done; tr '\\0' ' ' < /proc/1/cmdline";
    writeFileSync(java, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const jar = join(folder, 'agent.jar');
    writeFileSync(jar, '');
    const env = {
      PATH: path,
      JENKINS_JAVA_BIN: java,
      JENKINS_AGENT_FILE: jar,
      BAILEY_PREFLIGHT: 'off',
      BAILEY_JVM: 'off',
    };
    const url = ['-url', 'http://jenkins:8080/'];
    for (const [args, more] of [
      [['c0ffee', 'n'], {}],
      [['-name', 'n'], { JENKINS_SECRET: 'c0ffee' }],
      [['-name', 'n'], { REMOTING_OPTS: '-secret c0ffee' }],
    ] as const) {
      const ran = await inNamespace([agent, ...url, ...args], { env: { ...env, ...more } });
      t.equal(ran.code, 0, ran.stderr);
      t.match(ran.stdout, new RegExp(`^${agent} [*]{4} [*]{20} [*]+ [*]+ \\n$`), args.join(' '));
    }
  });

  t.test('a signal to PID 1 is forwarded to the program', async (t) => {
    const agent = injected();
    const trap = join(temporaryFolder(t), 'trap');
    writeFileSync(trap, '#!/bin/sh\ntrap "exit 9" TERM\necho ready\nwhile :; do sleep 0.05; done\n', {
      mode: 0o755,
    });
    const running = new Running([agent, trap], { env: { PATH: path } });
    t.teardown(() => running.kill());
    t.equal(await running.line(), 'ready');
    process.kill(await running.pid(), 'SIGTERM');
    t.equal((await running.ended()).code, 9);
  });

  t.test('a signal during the start of Node ends the agent', async (t) => {
    const agent = injected();
    const endless = join(temporaryFolder(t), 'endless');
    writeFileSync(endless, '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
    for (let time = 0; time < 8; time++) {
      const running = new Running([agent, endless], { env: { PATH: path } });
      t.teardown(() => running.kill());
      const init = await running.pid();
      await until('process 1 holds signals', () => blocks(init, constants.signals.SIGHUP));
      process.kill(init, 'SIGTERM');
      t.equal((await running.ended()).code, 143);
    }
  });

  t.test('as PID 1 it has the same exit codes as bailey-init', async (t) => {
    const agent = injected();
    const env = { PATH: path };
    t.equal((await inNamespace([agent, '-webSocket', '-direct', 'h:1'], { env })).code, 64);
    t.equal((await inNamespace([agent, 'no-such-program'], { env })).code, 127);
  });

  t.test('a missing /proc is reported', async (t) => {
    const hide = 'mount -t tmpfs none /proc && exec "$0" true';
    const options = { env: { PATH: path }, proc: false, unshare: ['--mount'] };
    const ran = await inNamespace(['sh', '-c', hide, injected()], options);
    t.equal(ran.code, 78);
    t.match(ran.stderr, /^bailey-agent: \/proc\/self\/exe cannot be opened: [^\n]+; mount \/proc$/m);
  });
}
