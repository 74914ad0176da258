/** The command line that `bailey jenkins` gives a real java, and the state of its process. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { program, requires } from '../../kit/needs.ts';
import { buildWitness, installBailey, run, temporaryFolder } from '../kit/bailey.ts';

interface Report {
  readonly argv: readonly string[];
  readonly arguments: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly pid: number;
  readonly status: string;
}

/** The variables of a case, the expected arguments between `-Duser.home` and `-jar`, and those after the war. */
interface Case {
  readonly name: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
  readonly options?: readonly string[];
  readonly jenkins?: readonly string[];
}

const lifecycle = '-Dhudson.lifecycle=hudson.lifecycle.ExitLifecycle';
const port = (n: number): string => `-Djenkins.model.Jenkins.slaveAgentPort=${n}`;

const cases: readonly Case[] = [
  { name: 'nothing set', options: [lifecycle] },
  {
    name: 'empty variables',
    env: { JAVA_OPTS: '', JENKINS_OPTS: ' \n ', JENKINS_SLAVE_AGENT_PORT: '' },
    options: [lifecycle],
  },
  {
    name: 'both options variables, in this order, and the port of the official image',
    env: { JAVA_OPTS: '-Da=1 -Db=2', JENKINS_JAVA_OPTS: '-Dc=3', JENKINS_SLAVE_AGENT_PORT: '50000' },
    options: ['-Da=1', '-Db=2', '-Dc=3', port(50000), lifecycle],
  },
  {
    name: 'quotes of both kinds, a backslash, several lines, an empty option value',
    env: { JAVA_OPTS: `-Da="x y" '-Db=it "is"'\n\t-Dc=x\\ y -De=""` },
    options: ['-Da=x y', '-Db=it "is"', '-Dc=x y', '-De=', lifecycle],
  },
  {
    name: 'nothing is expanded',
    env: { JAVA_OPTS: '-Da=$HOME -Db=* -Dc=`id` -Dd=$(id)', HOME: '/' },
    options: ['-Da=$HOME', '-Db=*', '-Dc=`id`', '-Dd=$(id)', lifecycle],
  },
  {
    name: 'the port is given',
    env: { JAVA_OPTS: port(1), JENKINS_SLAVE_AGENT_PORT: '50000' },
    options: [port(1), lifecycle],
  },
  {
    name: 'a property whose name begins like that of the port is not the port',
    env: {
      JENKINS_JAVA_OPTS: '-Djenkins.model.Jenkins.slaveAgentPortEnforce=true',
      JENKINS_SLAVE_AGENT_PORT: '50000',
    },
    options: ['-Djenkins.model.Jenkins.slaveAgentPortEnforce=true', port(50000), lifecycle],
  },
  {
    name: 'the lifecycle is given in JENKINS_JAVA_OPTS (the official script overrides it)',
    env: { JENKINS_JAVA_OPTS: '-Dhudson.lifecycle=x.Y' },
    options: ['-Dhudson.lifecycle=x.Y'],
  },
  {
    name: 'JENKINS_OPTS come before the arguments',
    env: { JENKINS_OPTS: '--prefix="/a b" --httpPort=1' },
    args: ['--httpPort=2', '', 'last one'],
    options: [lifecycle],
    jenkins: ['--prefix=/a b', '--httpPort=1', '--httpPort=2', '', 'last one'],
  },
  {
    name: '-- and --help are passed to Jenkins',
    args: ['--', '--help'],
    options: [lifecycle],
    jenkins: ['--', '--help'],
  },
  {
    name: '--help alone is passed to Jenkins, as in the official image',
    args: ['--help'],
    options: [lifecycle],
    jenkins: ['--help'],
  },
  {
    name: '-version is passed to Jenkins (the official script fails)',
    args: ['-version'],
    options: [lifecycle],
    jenkins: ['-version'],
  },
];

if (requires(t, program('javac'), program('jar'), program('java'))) {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  const init = resolve('dist/bailey-init');
  const war = buildWitness(folder);
  const home = join(folder, 'home with a blank');
  mkdirSync(home);
  const base = { PATH: process.env['PATH'], JENKINS_HOME: home, JENKINS_WAR: war, REF: join(folder, 'none') };

  t.test('java gets exactly the expected command line', async (t) => {
    for (const { name, env = {}, args = [], options = [], jenkins = [] } of cases) {
      const ran = await run(bailey, { args: ['jenkins', ...args], env: { ...base, ...env } });
      t.equal(ran.code, 0, `${name}: ${ran.stderr}`);
      t.equal(ran.stderr, '', `${name}: no message`);
      const report = JSON.parse(ran.stdout) as Report;
      t.strictSame(report.argv, ['java', `-Duser.home=${home}`, ...options, '-jar', war, ...jenkins], name);
    }
  });

  t.test('java replaces the process, with the same working directory and environment', async (t) => {
    const env = { ...base, CASTLE_TIMEOUT: '', 'odd name': 'a\nb=c', EMPTY: '' };
    const ran = await run(bailey, { args: ['jenkins'], env, cwd: folder });
    const report = JSON.parse(ran.stdout) as Report;
    t.equal(report.pid, ran.pid);
    t.equal(report.cwd, folder);
    t.strictSame(
      [...report.env].sort(),
      Object.entries(env)
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    );
  });

  t.test('arguments that are not valid UTF-8 are passed on unchanged', async (t) => {
    const given = String.raw`x\351`;
    const look = 'printf "%s\\n" "$@" "$ODD" | od -An -tx1';
    // Two arguments that decode to the same text, and one that really contains the replacement character.
    const script = `ODD="$(printf '${given}')" exec "$@" "$(printf 'y\\351')" "$(printf 'y\\350')" "$(printf '\\357\\277\\275')"`;
    const below = ['sh', '-c', script, 'sh'];
    const expected = Buffer.from('y\xe9\ny\xe8\n\xef\xbf\xbd\nx\xe9\n', 'latin1').toString('hex');
    for (const command of [[], [init, '--']]) {
      const ran = await run(bailey, {
        args: ['jenkins', 'sh', '-c', look, 'sh'],
        env: base,
        below: [...below, ...command],
      });
      t.equal(ran.stdout.replace(/\s/g, ''), expected, ran.stderr);
    }
  });

  t.test('signal dispositions and resource limits are the same as without bailey', async (t) => {
    // The limit differs from the one that Node sets, and Node itself ignores none of these signals.
    const shell = ['sh', '-c', 'ulimit -Sn 512; trap "" HUP INT QUIT; exec "$@"', 'sh', init, '--'];
    const look = ['sh', '-c', 'grep -E "^Sig(Blk|Ign)" /proc/self/status; ulimit -Sn'];
    const direct = spawnSync(shell[0] ?? '', [...shell.slice(1), ...look], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ran = await run(bailey, { args: ['jenkins', ...look], env: base, below: shell });
    t.match(direct.stdout, /^512$/m);
    t.equal(ran.stdout, direct.stdout);

    // The shell may have raised the limit above that of the parent; it must not be lowered.
    const more = ['sh', '-c', 'ulimit -Sn 512; sh -c \'ulimit -Sn 600; exec "$@"\' sh "$@"; exit $?', 'sh'];
    const raised = await run(bailey, { args: ['jenkins', 'sh', '-c', 'ulimit -Sn'], env: base, below: more });
    t.ok(Number(raised.stdout) >= 600 || raised.stdout === 'unlimited\n', raised.stdout);

    const open = await run(bailey, { args: ['jenkins', 'ls', '/proc/self/fd'], env: base });
    t.equal(open.stdout, '0\n1\n2\n3\n', 'stdio, and the folder that ls reads');

    const jvm = ['-XX:-MaxFDLimit', '-jar', war];
    const plain = spawnSync('java', jvm, { encoding: 'utf8', env: base });
    const witness = JSON.parse(
      (await run(bailey, { args: ['jenkins', 'java', ...jvm], env: base })).stdout,
    ) as Report;
    const signals = (status: string): string[] => status.match(/^Sig(?:Blk|Ign|Cgt):.*$/gm) ?? [];
    t.equal(signals(witness.status).length, 3);
    t.strictSame(signals(witness.status), signals((JSON.parse(plain.stdout) as Report).status));
  });

  t.test('java is searched in PATH, then in JAVA_HOME; exit code 127 if missing', async (t) => {
    const javaHome = join(folder, 'jdk');
    mkdirSync(join(javaHome, 'bin'), { recursive: true });
    const real = spawnSync('sh', ['-c', 'readlink -f "$(command -v java)"'], {
      encoding: 'utf8',
    }).stdout.trim();
    symlinkSync(real, join(javaHome, 'bin/java'));
    const inHome = await run(bailey, {
      args: ['jenkins'],
      env: { ...base, PATH: folder, JAVA_HOME: javaHome },
    });
    t.equal(inHome.code, 0, inHome.stderr);
    const nowhere = await run(bailey, { args: ['jenkins'], env: { ...base, PATH: folder } });
    t.equal(nowhere.code, 127);
    t.match(nowhere.stderr, /^bailey: java is not in PATH; install .*\n$/);
    const wrongHome = await run(bailey, {
      args: ['jenkins'],
      env: { ...base, PATH: folder, JAVA_HOME: '/nope' },
    });
    t.equal(wrongHome.code, 127);
    t.match(wrongHome.stderr, /\/nope\/bin\/java does not exist/);
  });
}
