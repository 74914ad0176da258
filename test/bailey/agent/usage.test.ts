/** Command lines that agent.jar rejects with exit code 0 are rejected before java starts, with 64. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { program, requires } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { ended, installBailey, run, start, temporaryFolder } from '../kit/bailey.ts';

const secret = 'c0ffee5ec2e7';
const url = ['-url', 'http://j'];
const identity = ['-secret', secret, '-name', 'n'];
const direct = ['-direct', 'h:1', '-instanceIdentity', 'i'];

const wrong: readonly [number, RegExp, NodeJS.ProcessEnv, ...string[]][] = [
  // Options that cannot be combined, or that require another option.
  [
    64,
    /-webSocket \(JENKINS_WEB_SOCKET\) and -direct \(JENKINS_DIRECT_CONNECTION\) cannot be combined/,
    { JENKINS_WEB_SOCKET: 'true', JENKINS_DIRECT_CONNECTION: 'h:1', JENKINS_INSTANCE_IDENTITY: 'i' },
    ...url.slice(2),
  ],
  [64, /-webSocket and -tunnel cannot be combined/, {}, ...url, '-webSocket', '-tunnel', 'h:1'],
  [
    64,
    /-webSocket \(JENKINS_WEB_SOCKET\) and -credentials cannot be combined/,
    { JENKINS_WEB_SOCKET: 'true' },
    ...url,
    '-credentials',
    'a:b',
  ],
  [64, /-webSocket and -credentials cannot be combined/, {}, ...url, '-jnlpCredentials', 'a:b', '-webSocket'],
  [64, /-webSocket and -noKeepAlive cannot be combined/, {}, ...url, '-noKeepAlive', '-webSocket'],
  [
    64,
    /-noReconnectAfter \(REMOTING_OPTS\) and -noReconnect cannot be combined/,
    { REMOTING_OPTS: '-noReconnectAfter 1d' },
    ...url,
    '-noreconnect',
  ],
  [
    64,
    /-direct and -url \(JENKINS_URL\) cannot be combined/,
    { JENKINS_URL: 'http://j' },
    ...direct,
    ...identity,
  ],
  [64, /-direct and -tunnel cannot be combined/, {}, ...direct, '-tunnel', 'h:1', ...identity],
  [
    64,
    /-jnlpUrl and -name \(JENKINS_NAME\) cannot be combined/,
    { JENKINS_NAME: 'n' },
    '-jnlpUrl',
    'http://j',
  ],
  [
    64,
    /-cert and -noCertificateCheck cannot be combined/,
    {},
    ...url,
    '-noCertificateCheck',
    '-cert',
    '@/ca.pem',
  ],
  [64, /-direct needs -instanceIdentity/, {}, '-direct', 'h:1', ...identity],
  [
    64,
    /-instanceIdentity \(JENKINS_INSTANCE_IDENTITY\) needs -direct/,
    { JENKINS_INSTANCE_IDENTITY: 'i' },
    ...url,
    ...identity,
  ],
  [64, /-protocols \(JENKINS_PROTOCOLS\) needs -direct/, { JENKINS_PROTOCOLS: 'p' }, ...url, ...identity],
  [64, /-internalDir needs -workDir/, {}, ...url, ...identity, '-internalDir', 'i'],
  [64, /-webSocketHeader needs -webSocket/, {}, ...url, ...identity, '-webSocketHeader', 'a=b'],
  [64, /-webSocket needs -url/, {}, '-webSocket', ...identity],
  [
    64,
    /-webSocket takes only one -url, not 2: -url \(JENKINS_URL\), -url;/,
    { JENKINS_URL: 'http://j' },
    ...url,
    '-webSocket',
    ...identity,
  ],
  // Values.
  [64, /^bailey: -name needs a value/, {}, ...url, '-secret', secret, '-name'],
  [64, /-noKeepAlive takes no value/, {}, ...url, ...identity, '-noKeepAlive=true'],
  [64, /-url "jenkins:8080" is not a URL; write http/, {}, '-url', 'jenkins:8080', ...identity],
  [64, /-url \(JENKINS_URL\) "ftp:\/\/j" is not a URL/, { JENKINS_URL: 'ftp://j' }, ...identity],
  [
    64,
    /-tunnel "jenkins" is not a tunnel address; write HOST:PORT/,
    {},
    ...url,
    ...identity,
    '-tunnel',
    'jenkins',
  ],
  [64, /-tunnel "h:0" is not a tunnel address/, {}, ...url, ...identity, '-tunnel', 'h:0'],
  [64, /-tunnel "h:99999" is not a tunnel address/, {}, ...url, ...identity, '-tunnel', 'h:99999'],
  [64, /-tunnel "h:1x" is not a tunnel address/, {}, ...url, ...identity, '-tunnel', 'h:1x'],
  [
    64,
    /-direct "h:" is not an address; write HOST:PORT/,
    {},
    '-direct',
    'h:',
    '-instanceIdentity',
    'i',
    ...identity,
  ],
  [64, /-direct ":1" is not an address/, {}, '-direct', ':1', '-instanceIdentity', 'i', ...identity],
  ...['1w', '', '1.5h', 'soon', 'P', 'PT'].map((time): [number, RegExp, NodeJS.ProcessEnv, ...string[]] => [
    64,
    /-noReconnectAfter ".*" is not a time; write for example 90s/,
    {},
    ...url,
    ...identity,
    '-noReconnectAfter',
    time,
  ]),
  // Name, secret and controller.
  [64, /-secret is missing; give it, or set JENKINS_SECRET/, {}, ...url, '-name', 'n'],
  [64, /-name is missing; give it, or set JENKINS_NAME/, { JENKINS_SECRET: secret }, ...url],
  [64, /-url is missing/, {}],
  [64, /-url is missing/, { JENKINS_SECRET: secret, JENKINS_NAME: 'n' }],
  [
    64,
    /takes a secret and a name without options, not 1; write -secret SECRET -name NAME/,
    {},
    ...url,
    secret,
  ],
  [64, /takes a secret and a name without options, not 3/, {}, ...url, secret, 'n', 'more'],
  [
    64,
    /the secret is given twice: as -secret, and as a positional argument/,
    {},
    ...url,
    '-secret',
    secret,
    secret,
    'n',
  ],
  [
    64,
    /the name is given twice: as -name, and as a positional argument/,
    {},
    ...url,
    '-name',
    'n',
    secret,
    'n',
  ],
  [
    64,
    /-secret \(JENKINS_SECRET\) has several lines/,
    { JENKINS_SECRET: `${secret}\n2` },
    ...url,
    '-name',
    'n',
  ],
  // Options of bailey agent.
  [64, /--connect-timeout needs a value/, {}, '--connect-timeout'],
  [64, /--connect-timeout "soon" is not a duration/, {}, '--connect-timeout', 'soon', ...url],
  [64, /--no-preflight takes no value/, {}, '--no-preflight=1', ...url],
  [78, /BAILEY_CONNECT_TIMEOUT "soon" is not a duration/, { BAILEY_CONNECT_TIMEOUT: 'soon' }, ...url],
  [78, /BAILEY_PREFLIGHT "no" is neither on nor off/, { BAILEY_PREFLIGHT: 'no' }, ...url],
  // Other variables.
  [78, /REMOTING_OPTS has a double quote at character 7/, { REMOTING_OPTS: '-name "' }],
  [78, /JENKINS_JAVA_OPTS has a single quote at character 1/, { JENKINS_JAVA_OPTS: "'" }],
  [
    78,
    /JENKINS_AGENT_FILE \/no\.jar does not exist; put agent\.jar there/,
    { JENKINS_AGENT_FILE: '/no.jar' },
    ...url,
    ...identity,
  ],
  [127, /java is not in PATH/, { PATH: '/nowhere' }, ...url, ...identity],
];

t.test('errors are reported before java starts, without the secret', async (t) => {
  const { bailey, folder, base } = createAgentFixture(t);
  for (const [code, line, env, ...args] of wrong) {
    const ran = await run(bailey, { args: ['agent', ...args], env: { ...base, ...env } });
    t.equal(ran.code, code, `${line}: ${ran.stderr}`);
    t.match(ran.stderr, line);
    t.match(ran.stderr, /^bailey: [^\n]+\n$/);
    t.notMatch(ran.stderr, secret);
    t.equal(ran.stdout, '');
  }
  t.ok(folder);
});

t.test('command lines that agent.jar accepts are passed on', async (t) => {
  const { bailey, base } = createAgentFixture(t);
  const right: readonly string[][] = [
    ...['12', '12s', '1D', '500ms', '-1s', 'PT1H30M', 'P1DT2H', 'pt0.5s'].map((time) => [
      '-noReconnectAfter',
      time,
    ]),
    ...['h:1', 'h:', ':1', '[::1]:50000', '10.0.0.1:65535'].map((tunnel) => ['-tunnel', tunnel]),
    ['-url', 'http://[fe80::1%eth0]:8080/jenkins'],
    ['-url', 'HTTPS://jenkins_ci.example'],
    ['-disableHttpsCertValidation'],
    ['-directConnection=h:1', '-instanceIdentity', 'i'],
  ];
  for (const args of right) {
    const where = args[0]?.startsWith('-url') || args[0]?.startsWith('-direct') ? [] : url;
    const ran = await run(bailey, { args: ['agent', ...where, ...args, ...identity], env: base });
    t.equal(ran.code, 0, `${args.join(' ')}: ${ran.stderr}`);
    t.equal(ran.stdout, 'java ran\n');
  }
  // A controller that starts the agent itself communicates over standard input.
  const piped = spawnSync(process.execPath, [bailey, 'agent', '-noKeepAlive'], {
    env: base,
    input: 'x',
    encoding: 'utf8',
  });
  t.equal(piped.stdout, 'java ran\n', piped.stderr);
});

t.test('@FILE arguments are read, and errors name the file', async (t) => {
  const { bailey, folder, base } = createAgentFixture(t);
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return `@${join(folder, name)}`;
  };
  const good = [
    ['-secret', file('secret', `${secret}\n`), '-name', 'n', ...url],
    [file('all', `-url\r\nhttp://j\r\n-secret\r\n${secret}\r\n-name\r\nn`), '-noKeepAlive'],
  ];
  for (const args of good) {
    const ran = await run(bailey, { args: ['agent', ...args], env: base });
    t.equal(ran.code, 0, ran.stderr);
  }
  const fromVariable = await run(bailey, {
    args: ['agent', ...url],
    env: { ...base, JENKINS_SECRET: `@${join(folder, 'secret')}`, JENKINS_NAME: 'n' },
  });
  t.equal(fromVariable.code, 0, fromVariable.stderr);

  const bad: readonly [number, RegExp, ...string[]][] = [
    [78, /: \/no\/file does not exist; correct its path/, '-secret', '@/no/file', '-name', 'n'],
    [78, /: .*\/dist is not a file/, '-secret', `@${join(folder, 'dist')}`, '-name', 'n'],
    [64, /leave only one line in .*\/lines/, '-secret', file('lines', `${secret}\nmore\n`), '-name', 'n'],
    [
      64,
      /-secret needs a blank and not a = before @FILE; write -secret @FILE/,
      '-secret=@/run/secret',
      '-name',
      'n',
    ],
    [64, /-secret needs a value/, '-name', 'n', '-secret', file('empty', '')],
  ];
  for (const [code, line, ...args] of bad) {
    const ran = await run(bailey, { args: ['agent', ...url, ...args], env: base });
    t.equal(ran.code, code, ran.stderr);
    t.match(ran.stderr, line);
    t.notMatch(ran.stderr, secret);
  }
});

t.test('a signal ends the wait for a pipe of arguments; another device is rejected at once', async (t) => {
  const { bailey, folder, base } = createAgentFixture(t);
  const fifo = join(folder, 'fifo');
  spawnSync('mkfifo', [fifo]);
  const args = ['agent', ...url, '-secret', `@${fifo}`, '-name', 'n'];
  const opened = (pid: number): boolean =>
    readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === fifo;
      } catch {
        return false;
      }
    });
  for (const hasWriter of [false, true]) {
    // O_RDWR: opening the pipe does not wait for a reader.
    const writer = hasWriter ? openSync(fifo, 'r+') : undefined;
    const child = start(bailey, { args, env: base });
    const end = ended(child);
    await until('bailey reads the pipe', () => opened(child.pid ?? 0) || undefined);
    child.kill('SIGTERM');
    t.match(await end, { code: 143, stdout: '', stderr: '' });
    if (writer !== undefined) closeSync(writer);
  }
  for (const device of ['/dev/null', '/dev/zero']) {
    const { code, stderr } = await run(bailey, {
      args: ['agent', ...url, '-secret', `@${device}`, '-name', 'n'],
      env: base,
    });
    t.equal(code, 78);
    t.match(stderr, /^bailey: \/dev\/\w+ is a device that has no arguments; name a file\n$/);
  }
});

t.test('an unknown option is rejected unless the agent.jar declares it', async (t) => {
  if (!requires(t, program('javac'), program('jar'))) return;
  const { bailey, folder, base } = createAgentFixture(t);
  mkdirSync(join(folder, 'hudson/remoting'), { recursive: true });
  writeFileSync(
    join(folder, 'hudson/remoting/Launcher.java'),
    `package hudson.remoting;
    public class Launcher { public static final String[] OPTIONS = {"-newOption", "-newOptionToo"}; }`,
  );
  const jar = join(folder, 'remoting.jar');
  spawnSync('javac', ['-d', folder, join(folder, 'hudson/remoting/Launcher.java')]);
  spawnSync('jar', ['--create', '--file', jar, '-C', folder, 'hudson']);
  const env = { ...base, JENKINS_AGENT_FILE: jar };
  for (const args of [['-newOption'], ['-newOption', 'value'], ['-newOptionToo=value']]) {
    const ran = await run(bailey, { args: ['agent', ...url, ...identity, ...args], env });
    t.equal(ran.stdout, 'java ran\n', ran.stderr);
  }
  for (const [option, remedy] of [
    ['-newOpti', /lists them/],
    ['-Newoption', /lists them/],
    ['-websocket', /did you mean -webSocket\?/],
    ['--url', /did you mean -url\?/],
    ['--no-preflight', /options of bailey come before/],
    ['--', /lists them/],
    ['-', /lists them/],
  ] as const) {
    const ran = await run(bailey, { args: ['agent', ...url, ...identity, option], env });
    t.equal(ran.code, 64, option);
    t.match(ran.stderr, new RegExp(`^bailey: agent\\.jar has no option "${option}"; [^\\n]+\\n$`));
    t.match(ran.stderr, remedy);
  }
});

/** A `bailey` with a java that only prints that it ran. */
function createAgentFixture(t: Test): { folder: string; bailey: string; base: NodeJS.ProcessEnv } {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  writeFileSync(join(folder, 'java'), '#!/bin/sh\necho java ran\n', { mode: 0o755 });
  writeFileSync(join(folder, 'agent.jar'), '');
  return {
    folder,
    bailey,
    base: {
      PATH: `${folder}:/usr/bin:/bin`,
      JENKINS_AGENT_FILE: join(folder, 'agent.jar'),
      BAILEY_PREFLIGHT: 'off',
    },
  };
}
