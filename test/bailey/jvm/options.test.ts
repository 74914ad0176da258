/** The java options by limit, role and configured options, as reported by `bailey jvm`. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import type { JvmReport } from '../../../src/bailey/jvm/jvm-report.ts';
import { temporaryFolder } from '../kit/bailey.ts';

/** The files by which a HotSpot runtime is recognized. */
const hotspot = { release: 'IMPLEMENTOR="x"\nJAVA_VERSION="21.0.4"\n', 'lib/server/libjvm.so': '' };

/** Creates a runtime that is never started, with a symlink to its java as in distributions. */
function runtime(t: Test, files: Readonly<Record<string, string>> = hotspot): string {
  const folder = temporaryFolder(t);
  for (const [path, text] of Object.entries({ ...files, 'bin/java': '#!/bin/false\n' })) {
    mkdirSync(dirname(join(folder, 'jdk', path)), { recursive: true });
    writeFileSync(join(folder, 'jdk', path), text, { mode: 0o755 });
  }
  mkdirSync(join(folder, 'bin'));
  symlinkSync(join(folder, 'jdk/bin/java'), join(folder, 'bin/java'));
  return join(folder, 'bin');
}

const ask = (args: readonly string[], env: NodeJS.ProcessEnv) =>
  spawnSync(process.execPath, ['dist/bailey.js', 'jvm', ...args], { env, encoding: 'utf8' });

function report(args: readonly string[], env: NodeJS.ProcessEnv): JvmReport {
  const { status, stdout, stderr } = ask([...args, '--json'], env);
  if (status !== 0) throw new Error(`exit code ${status}: ${stderr}`);
  return JSON.parse(stdout) as JvmReport;
}

const dump = '-XX:+HeapDumpOnOutOfMemoryError';
const files = (base: string) => [
  dump,
  `-XX:HeapDumpPath=${base}/logs/java/heap.hprof`,
  `-XX:ErrorFile=${base}/logs/java/hs_err_pid%p.log`,
];
const home = '/var/jenkins_home';
const exit = '-XX:+ExitOnOutOfMemoryError';
const all = [exit, ...files(home)];

t.test('the heap depends on limit and role', (t) => {
  const PATH = runtime(t);
  for (const [limit, controller, agent] of [
    ['128m', 51, 64],
    ['256m', 102, 64],
    ['512m', 204, 128],
    ['1g', 512, 256],
    ['1280m', 768, 320],
    ['2G', 1228, 512],
    ['4g', 2457, 512],
    ['64g', 39321, 512],
  ] as const) {
    const ofController = report(['--limit', limit], { PATH });
    t.strictSame(
      ofController.plan.options.map(({ option }) => option),
      [`-Xmx${controller}m`, ...all],
      limit,
    );
    const ofAgent = report(['--limit', limit, '--role', 'agent'], { PATH, JENKINS_AGENT_WORKDIR: '/w' });
    t.strictSame(
      ofAgent.plan.options.map(({ option }) => option),
      [`-Xmx${agent}m`, exit, ...files('/w')],
      `${limit}, agent`,
    );
    for (const { limits, plan } of [ofController, ofAgent]) {
      const { heap = 0, nonHeap = 0, otherProcesses = 0 } = plan.split ?? {};
      t.equal(heap + nonHeap + otherProcesses, limits.memory?.bytes, 'the parts add up to the limit');
    }
  }
  t.end();
});

t.test('configured options are never overridden', (t) => {
  const PATH = runtime(t);
  const xmx = '-Xmx1228m';
  const cases: readonly (readonly [NodeJS.ProcessEnv, readonly string[], RegExp?])[] = [
    [{ JAVA_OPTS: '-Xmx1g' }, all],
    [{ JAVA_OPTS: '-mx1g' }, all],
    [{ JENKINS_JAVA_OPTS: '-XX:MaxHeapSize=1g' }, all],
    [{ JAVA_TOOL_OPTIONS: '-Xmx1g' }, all],
    [{ JDK_JAVA_OPTIONS: '"-Xmx1g"' }, all],
    [{ _JAVA_OPTIONS: '-Xmx1g' }, all],
    [{ JAVA_OPTS: '-XX:MaxRAMPercentage=70' }, all],
    [{ JAVA_OPTS: '-XX:MaxRAM=1g' }, all],
    [{ JAVA_OPTS: '-XX:MinRAMPercentage=70' }, all],
    [{ JAVA_OPTS: '-XX:+AggressiveHeap' }, all],
    [{ JAVA_OPTS: '-Xms1300m' }, all],
    [{ JAVA_OPTS: '-ms1300m' }, all],
    [{ JAVA_OPTS: '-XX:InitialHeapSize=1300m' }, all],
    [{ JAVA_OPTS: '-Xmn1300m' }, all],
    [{ JAVA_OPTS: '-XX:SoftMaxHeapSize=1300m' }, all],
    [{ JAVA_OPTS: '-Xms1228m -Xss2m -Dx=-Xmx1g' }, [xmx, ...all]],
    [{ JENKINS_OPTS: '-Xmx1g' }, [xmx, ...all]],
    [{ JAVA_OPTS: '-XX:-ExitOnOutOfMemoryError' }, [xmx, ...files(home)]],
    [{ JAVA_OPTS: '"-XX:OnOutOfMemoryError=kill -9 %p"' }, [xmx, ...files(home)]],
    [{ JAVA_TOOL_OPTIONS: '-XX:+CrashOnOutOfMemoryError' }, [xmx, ...files(home)]],
    [{ JAVA_OPTS: '-XX:-HeapDumpOnOutOfMemoryError' }, [xmx, exit, files(home)[2] ?? '']],
    [{ JAVA_OPTS: '-XX:HeapDumpPath=/d' }, [xmx, exit, files(home)[2] ?? '']],
    [{ JAVA_OPTS: '-XX:ErrorFile=/d' }, [xmx, exit, ...files(home).slice(0, 2)]],
    [{ JAVA_OPTS: '@/etc/java-options' }, [], /no options are added: @\/etc\/java-options in JAVA_OPTS/],
    [{ JAVA_OPTS: '-XX:-UseContainerSupport' }, []],
    [{ JAVA_TOOL_OPTIONS: '-XX:VMOptionsFile=/x' }, []],
    [{ JAVA_OPTS: '-XX:Flags=/x' }, []],
    [{ BAILEY_JVM: 'off' }, [], /BAILEY_JVM=off/],
    [{ BAILEY_JVM: 'auto' }, [xmx, ...all]],
    [{ BAILEY_JVM: '' }, [xmx, ...all]],
    [{ JENKINS_HOME: '/100%' }, [xmx, exit], /no folder/],
  ];
  for (const [env, options, why = /^/] of cases) {
    const { plan } = report(['--limit', '2g'], { PATH, ...env });
    t.strictSame(
      plan.options.map(({ option }) => option),
      options,
      JSON.stringify(env),
    );
    t.match(plan.omitted.join('\n'), why);
  }
  t.end();
});

t.test(
  'an agent’s JENKINS_JAVA_OPTS replace JAVA_OPTS; without a work directory there is no heap dump',
  (t) => {
    const env = { PATH: runtime(t), JAVA_OPTS: '-Xmx1g', JENKINS_JAVA_OPTS: '-Da=b' };
    const options = report(['--limit', '2g', '--role', 'agent'], env).plan.options.map(
      ({ option }) => option,
    );
    t.strictSame(options, ['-Xmx512m', exit]);
    t.end();
  },
);

t.test('a heap of at least 80 % of the limit gives a warning', (t) => {
  const PATH = runtime(t);
  for (const [JAVA_OPTS, percent] of [
    ['-Xmx1639m', 80],
    ['-Xmx2g', 100],
    ['-Xmx1g -Xmx3g', 150],
    ['-XX:MaxRAMPercentage=80', 80],
    ['-XX:MaxRAMPercentage=90.5', 91],
    ['-XX:MaxRAMFraction=1', 100],
    ['-XX:MaxRAM=16g', 200],
    ['-Xms1900m', 93],
    ['-XX:InitialHeapSize=0x76c00000', 93],
  ] as const) {
    const { plan } = report(['--limit', '2g'], { PATH, JAVA_OPTS });
    const option = JAVA_OPTS.split(' ').at(-1);
    const line = `heap \\S+ GiB \\(${option} in JAVA_OPTS\\) is ${percent} % of the memory limit 2.0 GiB: .*at most 1.2 GiB`;
    t.match(plan.warnings, [new RegExp(line)], JAVA_OPTS);
  }
  for (const JAVA_OPTS of [
    '-Xmx1600m',
    '-Xmx3g -Xmx1g',
    '-XX:MaxRAMPercentage=79',
    '-XX:MaxRAM=4g',
    '-Xmxmuch',
    '-Xmn1900m',
  ])
    t.strictSame(report(['--limit', '2g'], { PATH, JAVA_OPTS }).plan.warnings, [], JAVA_OPTS);
  t.end();
});

t.test('a JVM that is not known to be HotSpot gets only -Xmx', (t) => {
  const { release } = hotspot;
  for (const [jvm, layout] of [
    ['OpenJ9', { ...hotspot, 'lib/j9vm/libjvm.so': '' }],
    ['OpenJ9', { ...hotspot, 'lib/default/libj9vm29.so': '' }],
    ['other', { release }],
    ['other', { 'lib/server/libjvm.so': '' }],
  ] as const) {
    const { java, plan } = report(['--limit', '2g'], { PATH: runtime(t, layout) });
    t.equal(java.jvm, jvm);
    t.strictSame(
      plan.options.map(({ option }) => option),
      ['-Xmx1228m'],
      jvm,
    );
  }
  const none = report(['--limit', '2g'], { PATH: '/nowhere' });
  t.match(none.java, { fault: /java is not in PATH/ });
  t.match(report([], { PATH: runtime(t, { release: 'JAVA_VERSION="1.8.0_432"\n' }) }).java, { major: 8 });
  t.end();
});

t.test('bailey jvm prints the report as text', (t) => {
  const PATH = runtime(t);
  const text = ask(['--limit', '2g'], { PATH, JAVA_OPTS: '-XX:ErrorFile=/x' }).stdout;
  t.match(text, /^controller, \S+\/bin\/java, HotSpot 21\.0\.4$/m);
  t.match(text, /^memory limit {5}2\.0 GiB, --limit$/m);
  t.match(
    text,
    /^memory limit 2\.0 GiB: heap 1\.2 GiB, 512 MiB for the rest of java, 308 MiB for what it runs$/m,
  );
  t.match(text, /^ {2}-Xmx1228m\n {6}60 % of the memory limit/m);
  t.match(text, /^ {2}no -XX:ErrorFile: -XX:ErrorFile=\/x in JAVA_OPTS$/m);
  t.end();
});

t.test('wrong settings are errors', (t) => {
  const PATH = runtime(t);
  for (const [args, line] of [
    [['--limit', '2GB'], /'2GB' is invalid\. It must be a size/],
    [['--limit', '0'], /'0' is invalid/],
    [['--limit', '-1g'], /'-1g' is invalid/],
    [['--limit', '1k'], /at least 16m/],
    [['--limit', ''], /is invalid/],
    [['--limit'], /argument missing/],
    [['--role', 'boss'], /controller, agent/],
    [['more'], /too many arguments/],
  ] as const) {
    const { status, stdout, stderr } = ask(args, { PATH });
    t.equal(status, 64, args.join(' '));
    t.match(stderr, line);
    t.match(stderr, /^bailey: [^\n]*; for usage, run: bailey jvm --help\n$/);
    t.equal(stdout, '');
  }
  for (const [env, line] of [
    [{ BAILEY_JVM: 'on' }, /^bailey: BAILEY_JVM "on" is neither auto nor off; /],
    [{ JAVA_OPTS: '"' }, /^bailey: JAVA_OPTS has a double quote/],
  ] as const) {
    const { status, stderr } = ask(['--limit', '2g'], { PATH, ...env });
    t.equal(status, 78);
    t.match(stderr, line);
  }
  t.end();
});
