/** Each error is reported in one line with the exit code of its kind; no partial file is left. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { program, requires, root } from '../../kit/needs.ts';
import { type Ended, installBailey, run, temporaryFolder } from '../kit/bailey.ts';
import { writePlugin } from './kit/plugin-archive.ts';

const home = (folder: string): string => join(folder, 'home');

interface InputFixture {
  readonly folder: string;
  readonly bailey: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A valid fixture: a home, a war, and `true` as java. */
function createInputFixture(t: Test): InputFixture {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  mkdirSync(home(folder));
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/java'), '#!/bin/sh\necho java ran\n', { mode: 0o755 });
  writeFileSync(join(folder, 'jenkins.war'), '');
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
    JENKINS_HOME: home(folder),
    JENKINS_WAR: join(folder, 'jenkins.war'),
    REF: join(folder, 'ref'),
  };
  return { folder, bailey, env };
}

/** Asserts one line on stderr, the exit code, and that java was not started. */
function refused(t: Test, ran: Ended, code: number, line: RegExp, what: string): void {
  t.equal(ran.code, code, `${what}: ${ran.stderr}`);
  t.match(ran.stderr, line, what);
  t.match(ran.stderr, /^bailey: [^\n]+\n$/, `${what}: one line`);
  t.notMatch(ran.stdout, /java ran/, what);
}

t.test('errors in options for java do not prevent a shell from starting', async (t) => {
  const { bailey, env } = createInputFixture(t);
  const wrong = { JAVA_OPTS: '"', JENKINS_JAVA_OPTS: "'", JENKINS_OPTS: '"', BAILEY_JVM: 'x' };
  const args = ['jenkins', 'sh', '-c', 'echo "$JAVA_OPTS"'];
  const ran = await run(bailey, { args, env: { ...env, ...wrong } });
  t.equal(ran.code, 0, ran.stderr);
  t.equal(ran.stdout, '"\n', 'the shell gets the variables unchanged');
});

t.test('each wrong setting is an error, and nothing is written', async (t) => {
  const { bailey, env, folder } = createInputFixture(t);
  const castle = { CASTLE_URL: 'unix:///nowhere.sock', CASTLE_VOLUME: 'v' };
  const cases: readonly (readonly [what: string, env: NodeJS.ProcessEnv, line: RegExp])[] = [
    ['open quote', { JAVA_OPTS: '-Da="b' }, /JAVA_OPTS has a double quote at character 5 /],
    [
      'open quote in another variable',
      { JENKINS_OPTS: "'" },
      /JENKINS_OPTS has a single quote at character 1 /,
    ],
    [
      'no war',
      { JENKINS_WAR: '/no/such.war' },
      /JENKINS_WAR \/no\/such.war does not exist; put jenkins.war there/,
    ],
    ['the war is a folder', { JENKINS_WAR: folder }, /JENKINS_WAR .* is not a file;/],
    ['URL without volume', { CASTLE_URL: castle.CASTLE_URL }, /CASTLE_URL is set and CASTLE_VOLUME is not;/],
    ['volume without URL', { CASTLE_VOLUME: 'v' }, /CASTLE_VOLUME is set and CASTLE_URL is not;/],
    [
      'volume outside',
      { ...castle, CASTLE_VOLUME: '../x' },
      /CASTLE_VOLUME "..\/x" must start with a letter or digit/,
    ],
    ['empty volume', { ...castle, CASTLE_VOLUME: '' }, /CASTLE_VOLUME "" is empty/],
    [
      'long volume',
      { ...castle, CASTLE_VOLUME: 'v'.repeat(300) },
      /CASTLE_VOLUME "v{60}…" has 300 characters/,
    ],
    [
      'control characters',
      { ...castle, CASTLE_VOLUME: 'a\nb\x1b' },
      /CASTLE_VOLUME "a\\nb\\u001b" must start/,
    ],
    [
      'URL of another kind',
      { ...castle, CASTLE_URL: 'http://castle' },
      /CASTLE_URL "http:\/\/castle" is not the address/,
    ],
    [
      'a URL with a broken percent sign',
      { ...castle, CASTLE_URL: 'unix:///%zz' },
      /CASTLE_URL "unix:\/\/\/%zz" is not the address/,
    ],
    ...[
      'unix:///run/a%00b',
      'unix:///run/a?b',
      'unix:///run/a#b',
      'https://:pw@castle',
      'https://castle/?x',
    ].map(
      (CASTLE_URL) =>
        [
          `${CASTLE_URL}`,
          { ...castle, CASTLE_URL },
          /CASTLE_URL "\S+" is not the address of a castle;/,
        ] as const,
    ),
    [
      'a path that no socket has',
      { ...castle, CASTLE_URL: `unix:///${'é'.repeat(54)}` },
      /CASTLE_URL unix:\S+ has 109 bytes; a socket's path has at most 107;/,
    ],
    ['no duration', { ...castle, CASTLE_TIMEOUT: 'soon' }, /CASTLE_TIMEOUT "soon" is not a duration;/],
    ['negative duration', { ...castle, CASTLE_TIMEOUT: '-1s' }, /CASTLE_TIMEOUT "-1s" is not a duration;/],
  ];
  for (const [what, more, line] of cases) {
    refused(t, await run(bailey, { args: ['jenkins'], env: { ...env, ...more } }), 78, line, what);
    t.strictSame(readdirSync(home(folder)), [], `${what}: nothing was written`);
  }
});

t.test('a war or agent.jar that is missing or not a file is an error', async (t) => {
  const { bailey, env, folder } = createInputFixture(t);
  symlinkSync('loop', join(folder, 'loop'));
  for (const [variable, ...args] of [
    ['JENKINS_WAR', 'jenkins'],
    ['JENKINS_AGENT_FILE', 'agent', '-version'],
  ] as const) {
    for (const [path, line] of [
      ['/etc/passwd/x', /\/etc\/passwd\/x is below a file; put \S+ there, or set /],
      [join(folder, 'loop'), /loop is a circular symlink; /],
      ['/dev/null', /\/dev\/null is not a file; /],
    ] as const) {
      const ran = await run(bailey, { args, env: { ...env, [variable]: path } });
      refused(t, ran, 78, line, `${variable} ${path}`);
    }
    if (root() !== undefined) continue;
    for (const [path, locked] of [
      ['locked/some.war', 'locked'],
      ['secret.war', 'secret.war'],
    ] as const) {
      mkdirSync(join(folder, 'locked'), { recursive: true, mode: 0o700 });
      writeFileSync(join(folder, path), '', { mode: 0o600 });
      const variables = { ...env, [variable]: join(folder, path) };
      const ran = await run(bailey, { args, env: variables, uid: 65534 });
      const remedy = new RegExp(`${path} cannot be read: uid 65534, .* chown 65534:65534 \\S+/${locked}\n`);
      refused(t, ran, 77, remedy, path);
    }
  }
});

t.test('a log that cannot be written is an error', async (t) => {
  const { bailey, env, folder } = createInputFixture(t);
  for (const [log, code, line] of [
    ['/dev/full', 73, /_LOG \/dev\/full cannot be written, the device is full;/],
    [
      join(folder, 'no/such.log'),
      73,
      /^bailey: the folder of COPY_REFERENCE_FILE_LOG \S+\/no\/such\.log does not exist; .*mkdir -p \S+\/no\), or correct COPY_REFERENCE_FILE_LOG\n$/,
    ],
    [join(folder, 'jenkins.war/x.log'), 73, /x\.log is below a file;/],
  ] as const) {
    const ran = await run(bailey, { args: ['jenkins'], env: { ...env, COPY_REFERENCE_FILE_LOG: log } });
    refused(t, ran, code, line, log);
  }
});

t.test('REF that is a file is an error', async (t) => {
  const { bailey, env, folder } = createInputFixture(t);
  const ran = await run(bailey, { args: ['jenkins'], env: { ...env, REF: join(folder, 'jenkins.war') } });
  refused(t, ran, 73, /REF \S+\/jenkins\.war is not a folder;/, 'a file');
});

t.test('a program that is missing is exit code 127, one that is not executable 126', async (t) => {
  const { bailey, env, folder } = createInputFixture(t);
  chmodSync(join(folder, 'bin/java'), 0o644);
  writeFileSync(join(folder, 'bin/no-interpreter'), '#!/no/such/shell\n', { mode: 0o755 });
  const path = { ...env, PATH: join(folder, 'bin') };
  refused(
    t,
    await run(bailey, { args: ['jenkins'], env: path }),
    126,
    /bin\/java cannot be executed; chmod \+x/,
    'java',
  );
  refused(t, await run(bailey, { args: ['jenkins', 'nope'], env }), 127, /nope is not in PATH;/, 'missing');
  refused(
    t,
    await run(bailey, { args: ['jenkins', './nope'], env }),
    127,
    /\.\/nope does not exist;/,
    'missing file',
  );
  for (const name of [folder, '/etc', './']) {
    const ran = await run(bailey, { args: ['jenkins', name], env });
    refused(t, ran, 126, /^bailey: \S+ is a folder; give the path of a program in it\n$/, name);
  }
  const dot = await run(bailey, { args: ['jenkins', '.'], env });
  refused(t, dot, 127, /^bailey: \. is not in PATH;/, 'a folder in a folder of PATH');
  for (const command of ['jenkins', 'agent']) {
    const ran = await run(bailey, { args: [command, ''], env });
    refused(t, ran, 64, /the name of the program to run is empty;/, `${command} with an empty name`);
  }
  refused(
    t,
    await run(bailey, { args: ['jenkins', 'no-interpreter'], env }),
    127,
    /its interpreter/,
    'no interpreter',
  );
});

t.test('JENKINS_HOME that is missing, a file, or below a file is an error', async (t) => {
  const { bailey, env, folder } = createInputFixture(t);
  const file = join(folder, 'jenkins.war');
  for (const [JENKINS_HOME, line] of [
    [
      '/no/such/home',
      /JENKINS_HOME \/no\/such\/home does not exist; .*mkdir -p \/no\/such\/home && chown 0:0|1000:1000/,
    ],
    [file, /JENKINS_HOME .*jenkins\.war is not a folder;/],
    [`${file}/home`, /JENKINS_HOME .*jenkins\.war\/home is below a file;/],
  ] as const) {
    refused(
      t,
      await run(bailey, { args: ['jenkins'], env: { ...env, JENKINS_HOME } }),
      73,
      line,
      JENKINS_HOME,
    );
  }
  t.notOk(existsSync('/no'));
});

if (requires(t, root, program('unshare'), program('mount'))) {
  t.test('JENKINS_HOME of another owner is refused with a remedy', async (t) => {
    const { bailey, env, folder } = createInputFixture(t);
    const sentence =
      /^bailey: JENKINS_HOME \S+\/home cannot be written: uid 1000, gid 1000, owner 0:0, mode 0755, \w+ rw; .*chown 1000:1000 \S+\/home/;
    refused(t, await run(bailey, { args: ['jenkins'], env, uid: 1000 }), 77, sentence, 'not writable');
    t.strictSame(readdirSync(home(folder)), []);

    chmodSync(home(folder), 0o700);
    const unreadable = await run(bailey, { args: ['jenkins'], env, uid: 1000 });
    refused(t, unreadable, 77, /cannot be read: uid 1000, gid 1000, owner 0:0, mode 0700/, 'not readable');

    chownSync(home(folder), 1000, 1000);
    chmodSync(home(folder), 0o500);
    const own = await run(bailey, { args: ['jenkins', 'bash'], env, uid: 1000 });
    refused(t, own, 77, /owner 1000:1000, mode 0500, \w+ rw; .*chmod u\+rwx/, 'own folder, but not writable');

    chmodSync(home(folder), 0o700);
    const right = await run(bailey, { args: ['jenkins'], env, uid: 1000 });
    t.equal(right.code, 0, right.stderr);
    t.equal(right.stdout, 'java ran\n');
  });

  t.test('a folder of another owner in JENKINS_HOME is an error', async (t) => {
    const { bailey, env, folder } = createInputFixture(t);
    chownSync(home(folder), 1000, 1000);
    mkdirSync(join(home(folder), 'plugins'));
    writePlugin(join(folder, 'ref/plugins/p.jpi'), '1.0');
    const ran = await run(bailey, { args: ['jenkins'], env, uid: 1000 });
    refused(
      t,
      ran,
      77,
      /home\/plugins\/p\.jpi\S* cannot be .*owner of \S+\/plugins 0:0.*chown 1000:1000 \S+\/plugins/,
      'plugins',
    );
    t.strictSame(readdirSync(join(home(folder), 'plugins')), []);
  });

  t.test('a reference file without read permission is an error', async (t) => {
    const { bailey, env, folder } = createInputFixture(t);
    chownSync(home(folder), 1000, 1000);
    mkdirSync(join(folder, 'ref'));
    writeFileSync(join(folder, 'ref/secret.xml'), 'x', { mode: 0o600 });
    const ran = await run(bailey, { args: ['jenkins'], env, uid: 1000 });
    refused(t, ran, 77, /ref\/secret\.xml cannot be read: uid 1000, .*owner 0:0, mode 0600/, 'unreadable');
    t.notOk(existsSync(join(home(folder), 'secret.xml')));
  });

  // A new mount namespace: the mounts end with the process.
  const inNamespace = (script: string): string[] => [
    'unshare',
    '--mount',
    'sh',
    '-ec',
    `${script}; exec "$@"`,
    'sh',
  ];

  t.test('JENKINS_HOME on a read-only mount is refused', async (t) => {
    const { bailey, env, folder } = createInputFixture(t);
    const below = inNamespace(`mount -t tmpfs -o ro none '${home(folder)}'`);
    const ran = await run(bailey, { args: ['jenkins'], env, below });
    refused(
      t,
      ran,
      77,
      /cannot be written, it is mounted read-only: .*tmpfs ro; mount it read-write/,
      'read-only',
    );
  });

  t.test('JENKINS_HOME on a full file system is an error, and no empty log is left', async (t) => {
    const { bailey, env, folder } = createInputFixture(t);
    const fill = `mount -t tmpfs -o size=64k none '${home(folder)}'; head -c 64k /dev/zero > '${home(folder)}/fill'`;
    // Only the shell in the namespace can read the files after the failure, so it prints them.
    const below = [
      'unshare',
      '--mount',
      'sh',
      '-ec',
      `${fill}; set +e; "$@"; code=$?; ls -A '${home(folder)}'; exit $code`,
      'sh',
    ];
    const ran = await run(bailey, { args: ['jenkins'], env, below });
    refused(t, ran, 73, /JENKINS_HOME \S+ cannot be written, tmpfs on \S+ is full: 0 of 65536 bytes/, 'full');
    t.equal(ran.stdout, 'fill\n', 'no empty log is left');
  });

  t.test(
    'a file system that becomes full while files are copied is an error, and no partial file is left',
    async (t) => {
      const { bailey, env, folder } = createInputFixture(t);
      mkdirSync(join(folder, 'ref'));
      writeFileSync(join(folder, 'ref/big'), Buffer.alloc(1024 * 1024));
      writeFileSync(join(folder, 'ref/small'), 'small');
      const mount = `mount -t tmpfs -o size=256k none '${home(folder)}'`;
      const below = [
        'unshare',
        '--mount',
        'sh',
        '-ec',
        `${mount}; set +e; "$@"; code=$?; ls -A '${home(folder)}'; exit $code`,
        'sh',
      ];
      const ran = await run(bailey, { args: ['jenkins'], env, below });
      refused(
        t,
        ran,
        73,
        /home\/big cannot be written, tmpfs on \S+ has too little free space: [1-9]\d* of 262144 bytes/,
        'full',
      );
      t.match(ran.stdout, /^copy_reference_file.log\n(small\n)?$/, 'no partial file is left');
    },
  );
}
