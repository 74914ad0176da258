/** A real java in real cgroups: the added options never prevent its start, and configured options take precedence. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Cgroup, cgroups } from '../../kit/cgroup.ts';
import { output } from '../../kit/docker.ts';
import { type Need, program, requires, root } from '../../kit/needs.ts';
import { type Ended, installBailey, knownController, run, temporaryFolder } from '../kit/bailey.ts';

const mebibyte = 2 ** 20;

/** With one CPU, no quota is below the number of CPUs. */
const twoCpus = (): Need => (availableParallelism() > 1 ? undefined : 'needs two CPUs');

interface JvmFixture {
  readonly folder: string;
  readonly bailey: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
}

if (requires(t, root, cgroups('memory'), program('javac'), program('jar'), program('java'))) {
  const jar = join(temporaryFolder(t), 'memory.jar');
  const classes = temporaryFolder(t);
  await output('javac', '-d', classes, 'test/bailey/jvm/Memory.java');
  await output('jar', '--create', '--file', jar, '--main-class', 'Memory', '-C', classes, '.');

  const place = (t: Test): JvmFixture => {
    const folder = temporaryFolder(t);
    const home = join(folder, 'home');
    mkdirSync(home);
    const env = {
      PATH: process.env['PATH'],
      JENKINS_HOME: home,
      JENKINS_WAR: jar,
      REF: join(folder, 'none'),
    };
    return { folder, home, bailey: installBailey(folder), env };
  };
  const limited = (t: Test, size: number): readonly string[] => {
    const cgroup = new Cgroup(t, 'memory');
    cgroup.limitMemory(size);
    return cgroup.command;
  };

  t.test('java starts with any configured options, and those about the heap take precedence', async (t) => {
    const { bailey, env, folder } = place(t);
    const below = limited(t, 512 * mebibyte);
    writeFileSync(join(folder, 'options'), '-Xmx77m\n-Xms70m\n');
    const ours = 204;
    const cases: readonly (readonly [heap: number, NodeJS.ProcessEnv])[] = [
      [ours, {}],
      [ours, { JAVA_OPTS: '-Xms204m -XX:+UseSerialGC' }],
      [ours, { JAVA_OPTS: '-XX:+UseG1GC -XX:G1HeapRegionSize=16m' }],
      [ours, { JAVA_OPTS: '-XX:InitialRAMPercentage=70' }],
      [300, { JAVA_OPTS: '-Xmx300m' }],
      [300, { JAVA_OPTS: '-mx300m' }],
      [300, { JAVA_TOOL_OPTIONS: '-Xmx300m' }],
      [300, { JDK_JAVA_OPTIONS: '-Xmx300m' }],
      [300, { _JAVA_OPTIONS: '-Xmx300m' }],
      [300, { JAVA_OPTS: '-Xms300m' }],
      [256, { JAVA_OPTS: '-XX:MaxRAMPercentage=50' }],
      [77, { JAVA_OPTS: `@${join(folder, 'options')}` }],
      [77, { JDK_JAVA_OPTIONS: `@${join(folder, 'options')}` }],
      // The JVM's default heap is a quarter of the limit.
      [128, { JAVA_OPTS: '-XX:-UseContainerSupport -XX:MaxRAM=512m' }],
      [128, { BAILEY_JVM: 'off' }],
    ];
    for (const [heap, more] of cases) {
      const ran = await run(bailey, { args: ['jenkins'], env: { ...env, ...more }, below });
      const what = JSON.stringify(more);
      t.equal(ran.code, 0, `${what}: ${ran.stderr}`);
      const max = Number(/^heap: (\d+)$/m.exec(ran.stdout)?.[1]) / mebibyte;
      // The JVM rounds to whole regions, or subtracts a survivor space.
      t.ok(max > heap * 0.95 && max <= heap + 32, `${what}: ${max} MiB`);
    }
  });

  t.test('the added options come before the configured ones', async (t) => {
    const { bailey, env, home } = place(t);
    const below = limited(t, 512 * mebibyte);
    const argumentsOf = ({ stdout }: Ended) => /^arguments: (.*?) ?$/m.exec(stdout)?.[1]?.split(' ');
    const given = { JAVA_OPTS: '-Da=b', JENKINS_JAVA_OPTS: '-Dc=d' };
    const ours = (heap: number, base: string) => [
      `-Xmx${heap}m`,
      '-XX:+ExitOnOutOfMemoryError',
      '-XX:+HeapDumpOnOutOfMemoryError',
      `-XX:HeapDumpPath=${base}/logs/java/heap.hprof`,
      `-XX:ErrorFile=${base}/logs/java/hs_err_pid%p.log`,
    ];
    const controller = await run(bailey, { args: ['jenkins'], env: { ...env, ...given }, below });
    t.strictSame(argumentsOf(controller)?.slice(0, 9), [
      'java',
      `-Duser.home=${home}`,
      ...ours(204, home),
      '-Da=b',
      '-Dc=d',
    ]);

    const work = join(home, 'work');
    const forAgent = { ...env, ...given, ...knownController, JENKINS_AGENT_FILE: jar };
    const agent = await run(bailey, { args: ['agent', '-workDir', work], env: forAgent, below });
    t.strictSame(
      argumentsOf(agent)?.slice(0, 8),
      ['java', ...ours(128, work), '-Dc=d', '-jar'],
      agent.stderr,
    );
  });

  t.test('a program other than java gets no options and no messages', async (t) => {
    const { bailey, env } = place(t);
    const below = limited(t, 512 * mebibyte);
    for (const args of [
      ['jenkins', 'true'],
      ['agent', 'true'],
    ])
      t.match(await run(bailey, { args, env, below }), { code: 0, stdout: '', stderr: '' });
  });

  t.test('java starts even if the folder for dumps cannot be created', async (t) => {
    const { bailey, env, home } = place(t);
    const below = limited(t, 512 * mebibyte);
    chmodSync(home, 0o777);
    mkdirSync(join(home, 'logs'), { mode: 0o755 });
    const ran = await run(bailey, {
      args: ['jenkins'],
      env,
      below: [...below, 'setpriv', '--reuid=65534', '--clear-groups'],
    });
    t.equal(ran.code, 0, ran.stderr);
    t.match(
      ran.stderr,
      /^bailey: warning: no heap dump and no error file: \S+\/logs\/java cannot be created: uid 65534, .* owner of \S+\/logs 0:0, .*chown 65534:\d+ \S+\/logs$/m,
    );
    t.notMatch(ran.stdout, /HeapDump|ErrorFile/);
    t.match(ran.stdout, / -Xmx204m -XX:\+ExitOnOutOfMemoryError /);

    const files = { JENKINS_AGENT_FILE: jar, JENKINS_AGENT_WORKDIR: join(home, 'work%20dir') };
    const agent = { ...env, ...knownController, ...files };
    const odd = await run(bailey, { args: ['agent'], env: agent, below });
    t.equal(odd.code, 0, odd.stderr);
    t.notMatch(odd.stdout, /HeapDump|ErrorFile/, 'a path with % that the JVM would expand');
  });

  t.test('without enough free space, java gets no heap dump option', async (t) => {
    const { bailey, env, home } = place(t);
    const mount = [
      'unshare',
      '--mount',
      'sh',
      '-ec',
      `mount -t tmpfs -o size=300m none '${home}'; exec "$@"`,
      'sh',
    ];
    const below = [...limited(t, 512 * mebibyte), ...mount];
    const ran = await run(bailey, { args: ['jenkins'], env, below });
    t.equal(ran.code, 0, ran.stderr);
    t.match(
      ran.stderr,
      /^bailey: warning: no heap dump: \S+\/logs\/java has 300 MiB of free space, and a dump may have 204 MiB$/m,
    );
    t.notMatch(ran.stdout, /HeapDump/);
    t.match(ran.stdout, / -XX:ErrorFile=/);
    const small = await run(bailey, { args: ['jenkins'], env: { ...env, JAVA_OPTS: '-Xmx100m' }, below });
    t.match(small.stdout, / -XX:HeapDumpPath=/, 'the dump of a small heap fits into the free space');
  });

  t.test('a wrong BAILEY_JVM is an error before anything is changed', async (t) => {
    const { bailey, env } = place(t);
    for (const command of ['jenkins', 'agent']) {
      const wrong = { ...env, ...knownController, BAILEY_JVM: 'of', JENKINS_AGENT_FILE: jar };
      const ran = await run(bailey, { args: [command], env: wrong });
      t.match(ran, {
        code: 78,
        stdout: '',
        stderr: 'bailey: BAILEY_JVM "of" is neither auto nor off; set it to auto or off, or remove it\n',
      });
    }
  });

  if (requires(t, cgroups('cpu'), twoCpus)) {
    t.test('the CPU quota of a parent cgroup counts', async (t) => {
      const { bailey, env } = place(t);
      const outer = new Cgroup(t, 'cpu');
      const inner = new Cgroup(t, 'cpu', outer);
      outer.limitCpu(0.5);
      const { command: below } = inner;
      const hidden = await run(bailey, { args: ['jenkins'], env, below });
      t.match(hidden, { code: 0, stderr: '' });
      t.match(hidden.stdout, ` -XX:ActiveProcessorCount=1 -Dhudson`, 'no other option is added');
      t.match(hidden.stdout, /^processors: 1$/m);

      const given = await run(bailey, {
        args: ['jenkins'],
        env: { ...env, JAVA_OPTS: '-XX:ActiveProcessorCount=2' },
        below,
      });
      t.match(given.stdout, /^processors: 2$/m, 'unless it is configured');

      inner.limitCpu(0.4);
      const seen = await run(bailey, { args: ['jenkins'], env, below });
      t.notMatch(seen.stdout, /ActiveProcessorCount/, 'java detects a quota of its own cgroup itself');
      t.match(seen.stdout, /^processors: 1$/m);
    });
  }
}
