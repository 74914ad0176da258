// bailey-init under the names of other inits has their options, variables, messages, exit codes and forwarding rules.
// Most tests run the same command line with bailey-init and with the real program.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { compile } from '../kit/compile.ts';
import { blocks, childrenOf, Running, stat, until } from '../kit/namespace.ts';
import { pidNamespace, requires } from '../kit/needs.ts';
import {
  baileyInitAs,
  type Dialect,
  dialects,
  eachReaping,
  otherInits,
  realProgramOf,
  run,
} from './other-inits.ts';

/** What must be equal: only the exit code, also standard output, or also both outputs. */
type Equal = 'code' | 'stdout' | 'all';

interface CommandLine {
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  readonly equal?: Equal;
}

/** Prints the program's pid, parent, process group and session. */
const place = ['cut', '-d', ' ', '-f', '1,4,5,6', '/proc/self/stat'];
/** Prints the signals that the program blocks, ignores and handles when it starts. */
const signals = ['sed', '-n', '/^Sig[BIC]/p', '/proc/self/status'];
const exits = (code: number) => ['sh', '-c', `exit ${code}`];
const dies = (signal: number) => ['sh', '-c', `ulimit -c 0; kill -${signal} $$`];

const commonLines: readonly CommandLine[] = [
  { args: [] },
  { args: ['--'] },
  { args: ['-x', 'true'] },
  { args: ['--no-such-option', 'true'] },
  { args: ['--', ...exits(7)], equal: 'all' },
  { args: ['--', ...dies(9)], equal: 'all' },
  { args: ['--', ...dies(15)], equal: 'all' },
  { args: ['--', ...dies(34)], equal: 'all' },
  { args: ['--', 'no-such-program'] },
  { args: ['no-such-program'] },
  { args: ['./no-such-program'] },
  { args: ['/etc/passwd'] },
  { args: ['/'] },
  { args: ['/etc/passwd/x'] },
  { args: [''] },
  { args: ['-', 'true'] },
  { args: ['--', '--', 'true'] },
  { args: ['--', 'echo', '-v', '--', '-x', 'a  b', ''], equal: 'all' },
  { args: ['--', ...place], equal: 'all' },
  { args: ['--', 'pwd'], equal: 'all' },
];

const tinis: readonly CommandLine[] = [
  { args: ['-e 7', '--', ...exits(7)] },
  { args: ['-e', '+7', '--', ...exits(7)] },
  { args: ['-e', '7 ', '--', ...exits(7)] },
  { args: ['--', ...signals], equal: 'all' },
  { args: ['--version', 'true'] },
  { args: ['--version', '--version'] },
  { args: ['--help'] },
  { args: ['-h'] },
  { args: ['-h', 'true'] },
  { args: ['-hx'] },
  { args: ['-gh'] },
  { args: ['-l'] },
  { args: ['-e'] },
  ...['256', '-1', 'x', '1x', '0x5', '1000000000000'].map((code) => ({ args: ['-e', code, 'true'] })),
  { args: ['-e5', '--', ...exits(5)] },
  { args: ['-e', '143', '-e', '5', '--', ...exits(5)] },
  { args: ['-e', '143', '--', ...dies(15)] },
  { args: ['-e', '0', 'true'] },
  ...['SIGFOO', 'TERM', '15', 'SIGIOT', ''].map((signal) => ({ args: ['-p', signal, 'true'] })),
  { args: ['-p', 'SIGTERM', 'true'], equal: 'all' },
  { args: ['-pSIGUSR1', '--', ...exits(3)], equal: 'all' },
  { args: ['-sgw', 'true'], equal: 'all' },
  { args: ['-s', '--', ...exits(3)], equal: 'all' },
  { args: ['-gx', 'true'] },
  { args: ['-g', '--', ...place], equal: 'all' },
  { args: ['-w', 'true'], equal: 'all' },
  { args: ['true'], env: { TINI_VERBOSITY: '0' }, equal: 'all' },
  { args: ['-v', 'true'], env: { TINI_VERBOSITY: '1' }, equal: 'all' },
  { args: ['true'], env: { TINI_VERBOSITY: 'x' }, equal: 'all' },
  { args: ['-vvvvv', 'true'], env: { TINI_VERBOSITY: '' }, equal: 'all' },
  { args: ['--', ...place], env: { TINI_SUBREAPER: '', TINI_KILL_PROCESS_GROUP: '' }, equal: 'all' },
];

const dumbInits: readonly CommandLine[] = [
  { args: [], equal: 'stdout' },
  { args: ['-h'], equal: 'all' },
  { args: ['--help', 'true'], equal: 'all' },
  { args: ['-hx'], equal: 'all' },
  { args: ['-V'], equal: 'all' },
  { args: ['--version'], equal: 'all' },
  { args: ['--vers', 'true'], equal: 'all' },
  { args: ['--version=1'] },
  { args: ['--v', 'true'] },
  { args: ['--ve', 'true'] },
  { args: ['--verb', 'true'] },
  { args: ['-r'] },
  { args: ['--rewrite'] },
  ...['1:2', '15:0', '1:2,3:4', '01:2', ' 1:2', '+1:2'].flatMap((rule) => [
    { args: ['-r', rule, 'true'], equal: 'all' as const },
    { args: [`-r${rule}`, 'true'], equal: 'all' as const },
    { args: ['--rewrite', rule, 'true'], equal: 'all' as const },
    { args: [`--rew=${rule}`, 'true'], equal: 'all' as const },
  ]),
  ...['32:1', '1:32', '0:1', '1', '1:', ':', '', 'x:1', '1:x', '-1:2', '1:-2', '999999999999:1'].map(
    (rule) => ({
      args: ['-r', rule, 'true'],
      equal: 'all' as const,
    }),
  ),
  { args: ['-c', '--', ...place], equal: 'all' },
  { args: ['--single-child', ...place], equal: 'all' },
  { args: [...place], env: { DUMB_INIT_SETSID: '0' }, equal: 'all' },
  { args: [...place], env: { DUMB_INIT_SETSID: '1' }, equal: 'all' },
  { args: [...place], env: { DUMB_INIT_SETSID: '' }, equal: 'all' },
  { args: [...place], env: { DUMB_INIT_SETSID: '00' }, equal: 'all' },
  { args: ['true'], env: { DUMB_INIT_DEBUG: '0' }, equal: 'all' },
  { args: ['true'], env: { DUMB_INIT_DEBUG: '11' }, equal: 'all' },
  { args: [...exits(6), '-v', '--help'], equal: 'all' },
  { args: [...signals], equal: 'all' },
  { args: ['no-such-program'], equal: 'all' },
  { args: ['/etc/passwd'], equal: 'all' },
];

const catatonits: readonly CommandLine[] = [
  { args: ['-h'] },
  { args: ['-hx'] },
  { args: ['-L'] },
  { args: ['-V'], equal: 'all' },
  { args: ['--version'], equal: 'all' },
  { args: ['--vers', 'true'], equal: 'all' },
  { args: ['-gV'], equal: 'all' },
  { args: ['--version=1'] },
  { args: ['--help'] },
  { args: ['-g', 'true'], equal: 'all' },
  { args: ['-g', '--', ...place], equal: 'all' },
  { args: ['printenv', 'LISTEN_PID'], env: { LISTEN_PID: '1' }, equal: 'all' },
  { args: ['printenv', 'LISTEN_PID'], env: { LISTEN_PID: '77' }, equal: 'all' },
  { args: ['printenv', 'LISTEN_PID'], env: { LISTEN_PID: '' }, equal: 'all' },
];

const lines: Record<Dialect, readonly CommandLine[]> = {
  tini: tinis,
  'docker-init': tinis,
  'dumb-init': dumbInits,
  catatonit: catatonits,
};

/** A program that prints the process id of an orphan and exits when the orphan has been reaped. */
const leavesOrphan =
  'p=$( (sh -c "while test \\$PPID != 1 -a -e /proc/\\$PPID; do :; done; exit 3" >/dev/null & echo $!) ); while test -e "/proc/$p"; do :; done; echo "$p"';

/** A program that prints the process id of an orphan, which continues to run, and exits after it has read a line. */
const hasOrphan = '(sleep 1000 >/dev/null & echo $!); read line; exit 4';

/** Starts an init as a child and reads its lines. The test's teardown kills the init and its children. */
function startAsChild(sub: Test, command: readonly string[], env: Record<string, string> = {}) {
  const [file = '', ...args] = command;
  const init = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const next = createInterface({ input: init.stdout })[Symbol.asyncIterator]();
  const ended = once(init, 'exit');
  init.stdin.on('error', () => {});
  sub.teardown(async () => {
    for (const pid of [init.pid ?? 0, ...childrenOf(init.pid ?? 0)]) kill(pid);
    await ended;
  });
  return {
    pid: init.pid ?? 0,
    process: init as ChildProcess,
    line: async () => (await next.next()).value as string | undefined,
    write: (text: string) => init.stdin.write(text),
    ended: async () => (await ended) as [number | null, NodeJS.Signals | null],
  };
}

const lives = (pid: number): boolean => !['Z', 'X', undefined].includes(stat(pid)?.state);

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

if (requires(t, pidNamespace, otherInits)) {
  for (const dialect of dialects)
    eachReaping(
      t,
      `${dialect}: the same command lines have the same effect as with the real program`,
      async (sub, before) => {
        const ours = baileyInitAs(sub, dialect);
        for (const { args, env = {}, equal = 'code' } of [...commonLines, ...lines[dialect]]) {
          const what = [
            ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
            dialect,
            ...args,
          ].join(' ');
          // The usage line contains argv[0].
          const real = run([...before, realProgramOf(dialect), ...args], { env });
          const our = run([...before, ours, ...args], { env });
          if (equal === 'all') sub.same(our, real, what);
          else if (equal === 'stdout') sub.same([our.code, our.stdout], [real.code, real.stdout], what);
          else sub.equal(our.code, real.code, what);
        }
      },
    );

  for (const dialect of dialects)
    eachReaping(t, `${dialect}: the shell runs a script without an interpreter line`, async (sub, before) => {
      const folder = mkdtempSync(join(tmpdir(), 'bailey-test-'));
      sub.teardown(() => rmSync(folder, { recursive: true }));
      const script = `${folder}/without-interpreter`;
      writeFileSync(script, 'echo "$0 $# $1"; exit 8\n', { mode: 0o755 });
      const ours = baileyInitAs(sub, dialect);
      for (const [args, env] of [
        [[script, 'a  b', ''], {}],
        [['without-interpreter'], { PATH: `${process.env['PATH']}:/nothing:${folder}` }],
      ] as const) {
        const expected = { code: 8, stdout: `${script} ${args.length - 1} ${args[1] ?? ''}\n`, stderr: '' };
        for (const init of [realProgramOf(dialect), ours])
          sub.same(run([...before, init, '--', ...args], { env }), expected, init);
      }
    });

  for (const dialect of ['tini', 'docker-init'] as const) {
    t.test(`${dialect}: version, usage and warnings are those of the real program`, async (sub) => {
      const ours = baileyInitAs(sub, dialect);
      const version = run([ours, '--version']);
      sub.match(version, { code: 0, stdout: /^tini version \d+\.\d+\.\d+ - git\.\S+\n$/, stderr: '' });
      const real = run(['tini', '--version']).stdout.trim();
      sub.ok(version.stdout.startsWith(real), `the version of ${real}`);
      const warned = { process1: false };
      const warning = /zombie reaping won't work/;
      sub.match(run([ours, 'true'], warned).stderr, /^\[WARN {2}tini \(\d+\)\] .*zombie reaping won't work/);
      sub.match(run(['tini', 'true'], warned).stderr, warning);
      sub.equal(run([ours, 'true']).stderr, '', 'no warning as process 1');
      sub.equal(run([ours, '-s', 'true'], warned).stderr, '', 'no warning as a subreaper');
      for (const env of [{ TINI_SUBREAPER: '' }, { TINI_VERBOSITY: '0' }])
        sub.equal(run([ours, 'true'], { ...warned, env }).stderr, '', JSON.stringify(env));
      for (const option of ['-w', '-vvvw']) {
        const { stdout, stderr } = run([ours, option, '--', 'sh', '-c', leavesOrphan]);
        const [orphan] = stdout.match(/^\d+$/m) ?? [];
        sub.equal(stderr, `[WARN  tini (1)] Reaped zombie process with pid=${orphan}\n`);
        sub.equal(run(['tini', '-w', '--', 'sh', '-c', leavesOrphan]).stderr, stderr, 'the warning of tini');
      }
      sub.equal(run([ours, '--', 'sh', '-c', leavesOrphan]).stderr, '', 'no warning without the option');
    });

    t.test(`${dialect}: options and variables set which messages are printed`, async (sub) => {
      const ours = baileyInitAs(sub, dialect);
      const reported = (args: string[], env = {}) => run([ours, ...args, 'true'], { env });
      const levels = (text: string) => [...new Set(text.match(/^\[\w+/gm) ?? [])].join(' ');
      sub.same([reported([]).stdout, reported([]).stderr], ['', '']);
      for (const [args, env] of [
        [['-v'], {}],
        [['-vvv'], {}],
        [[], { TINI_VERBOSITY: '2' }],
        [['-v'], { TINI_VERBOSITY: '3' }],
      ] as const)
        sub.match(
          levels(reported([...args], env).stdout),
          /^\[INFO/,
          `${args.join('')} ${JSON.stringify(env)}`,
        );
      sub.equal(reported(['-vvv'], { TINI_VERBOSITY: '1' }).stdout, '', 'the variable has precedence');
      sub.match(
        run([ours, 'no-such-program']).stderr,
        /^\[FATAL tini \(\d+\)\] exec no-such-program failed: No such/,
      );
      for (const program of ['tini', ours])
        sub.equal(run([program, 'no-such-program'], { env: { TINI_VERBOSITY: '0' } }).code, 127);
    });
  }

  eachReaping(t, 'tini: -e changes exactly the given exit codes to 0', async (sub, before) => {
    const ours = baileyInitAs(sub, 'tini');
    const all = Array.from({ length: 256 }, (_, code) => code);
    const script = (options: string) =>
      `for n in $(seq 0 255); do "$@" ${options} -- sh -c "exit $n"; echo $n $?; done`;
    const codes = (options: string) => {
      const { stdout } = run(['sh', '-c', script(options), 'sh', ...before, ours]);
      return stdout.trim().split('\n');
    };
    sub.same(
      codes('-e $n'),
      all.map((code) => `${code} 0`),
      'the given code becomes 0',
    );
    sub.same(
      codes('$(seq -f "-e %g" 0 255 | grep -vx -- "-e $n")'),
      all.map((code) => `${code} ${code}`),
      'the other codes stay',
    );
  });

  eachReaping(
    t,
    'tini: the signal of -p, which the kernel sends when the parent ends, is forwarded',
    async (sub, before) => {
      const [log = ''] = compile(sub, 'test/init/log-signals.c');
      const parent = '"$@" & read line';
      const both = [...before, baileyInitAs(sub, 'tini'), '-s', '-p', 'SIGUSR1', '--', log];
      const running = new Running(['sh', '-c', `sh -c '${parent}' sh "$@"; read line`, 'sh', ...both]);
      sub.teardown(() => running.kill());
      sub.equal(await running.line(), 'ready');
      running.write('the parent ends\n');
      sub.equal(await running.line(), '10 0 0');
    },
  );

  for (const [dialect, args, env] of [
    ['tini', ['-g'], {}],
    ['tini', [], { TINI_KILL_PROCESS_GROUP: '' }],
    ['docker-init', ['-g'], {}],
    ['dumb-init', [], {}],
    ['catatonit', ['-g'], {}],
  ] as const)
    eachReaping(
      t,
      `${dialect} ${args.join('')} ${Object.keys(env)}: signals reach the whole process group`,
      async (sub, before) => {
        const script = "trap '' USR1; (trap - USR1; exec sh -c 'echo up; exec sleep 1000'); echo $?; exit 5";
        const options = { env: { ...process.env, ...env } };
        const running = new Running(
          [...before, baileyInitAs(sub, dialect), ...args, '--', 'sh', '-c', script],
          options,
        );
        sub.teardown(() => running.kill());
        // POSIX does not let a shell trap a signal that was ignored when the shell started; dash does.
        sub.equal(await running.line(), 'up');
        process.kill(await running.pid(dialect), 'SIGUSR1');
        sub.equal(await running.line(), '138', "the program's child");
        sub.equal((await running.ended()).code, 5);
      },
    );

  for (const [dialect, args] of [
    ['tini', []],
    ['dumb-init', ['-c']],
    ['catatonit', []],
  ] as const)
    eachReaping(t, `${dialect} ${args.join('')}: signals reach only the program`, async (sub, before) => {
      const script = 'trap "echo got; exit 6" USR1; sleep 1000 & echo $!; wait';
      const init = startAsChild(sub, [
        ...before,
        baileyInitAs(sub, dialect),
        ...args,
        '--',
        'sh',
        '-c',
        script,
      ]);
      const other = Number(await init.line());
      sub.teardown(() => kill(other));
      process.kill(init.pid, 'SIGUSR1');
      sub.equal(await init.line(), 'got');
      sub.same(await init.ended(), [6, null]);
      sub.ok(lives(other), 'the child of the program still runs');
    });

  const all = Array.from({ length: 64 }, (_, index) => index + 1).filter((n) => ![9, 17, 19].includes(n));
  const faults = [4, 5, 6, 7, 8, 11, 31];
  const stops = [20, 21, 22];
  for (const [dialect, args, kept] of [
    ['tini', [], [...faults, 21, 22]],
    ['dumb-init', [], stops],
    ['dumb-init', ['-c'], []],
    ['catatonit', [], faults],
  ] as const)
    eachReaping(
      t,
      `${dialect} ${args.join('')}: forwards the same signals as the real program`,
      async (sub, before) => {
        const [log = ''] = compile(sub, 'test/init/log-signals.c');
        const running = new Running([...before, baileyInitAs(sub, dialect), ...args, '--', log]);
        sub.teardown(() => running.kill());
        sub.equal(await running.line(), 'ready');
        const init = await running.pid(dialect);
        const [program = 0] = childrenOf(init);
        for (const signal of all) {
          const stays = (kept as readonly number[]).includes(signal);
          process.kill(init, signal);
          if (!stays) sub.equal(await running.line(), `${signal} 0 0`, `signal ${signal}`);
          if (!stays || dialect !== 'dumb-init') continue;
          await until('the program is stopped', () => stat(program)?.state === 'T');
          process.kill(init, 'SIGCONT');
          sub.equal(await running.line(), '18 0 0', `signal ${signal} became STOP`);
        }
        process.kill(init, 'SIGUSR1');
        sub.equal(await running.line(), '10 0 0', `none of ${kept} was forwarded`);
        sub.equal(stat(init)?.comm, dialect, 'the init still runs');
      },
    );

  t.test(
    'tini: SIGSEGV and other signals of faults end tini itself; the program inherits the mask and ignored signals',
    async (sub) => {
      const [given = ''] = compile(sub, 'test/init/set-signal-state.c');
      for (const init of ['tini', baileyInitAs(sub, 'tini')]) {
        for (const signal of faults) {
          const child = startAsChild(sub, [
            'sh',
            '-c',
            `ulimit -c 0; exec "$@"`,
            'sh',
            init,
            '-s',
            '--',
            'sh',
            '-c',
            'echo $$; read x',
          ]);
          const program = Number(await child.line());
          sub.teardown(() => kill(program));
          process.kill(child.pid, signal);
          const [, ended] = await child.ended();
          sub.ok(ended, `signal ${signal} ends ${init}`);
        }
        const state = run([given, '6008', '301000', init, '--', ...signals]);
        sub.match(state.stdout, /SigBlk:\t0{12}6008\nSigIgn:\t0{10}301000\nSigCgt:\t0{16}\n/, init);
      }
    },
  );

  for (const [dialect, args, env, adopted] of [
    ['tini', [], {}, false],
    ['tini', ['-s'], {}, true],
    ['tini', [], { TINI_SUBREAPER: '' }, true],
    ['dumb-init', [], {}, false],
    ['catatonit', [], {}, true],
  ] as const)
    eachReaping(
      t,
      `${dialect} ${args.join('')} ${Object.keys(env)}: ${adopted ? 'adopts' : 'does not adopt'} orphans when it is not process 1`,
      async (sub, before) => {
        for (const program of [baileyInitAs(sub, dialect), dialect]) {
          const init = startAsChild(sub, [...before, program, ...args, '--', 'sh', '-c', hasOrphan], env);
          const orphan = Number(await init.line());
          sub.teardown(() => kill(orphan));
          await until(
            "the orphan's first parent has ended",
            () => stat(stat(orphan)?.parent ?? 0)?.comm !== 'sh',
          );
          sub.equal(
            stat(orphan)?.parent === init.pid,
            adopted,
            `${program}: the orphan is ${adopted ? '' : 'not '}its child`,
          );
          init.write('end\n');
          sub.same(await init.ended(), [4, null]);
        }
      },
    );

  eachReaping(
    t,
    'dumb-init: when the program has ended, its process group gets SIGTERM, except with -c',
    async (sub, before) => {
      const script = 'sleep 1000 >/dev/null & echo $!; read line; exit 3';
      for (const init of [baileyInitAs(sub, 'dumb-init'), 'dumb-init'])
        for (const [args, env, ends] of [
          [[], {}, true],
          [['-r', '15:10'], {}, true],
          [['-r', '15:0'], {}, false],
          [['-c'], {}, false],
          [[], { DUMB_INIT_SETSID: '0' }, false],
        ] as const) {
          const what = `${init} ${args.join(' ')} ${JSON.stringify(env)}`;
          const child = startAsChild(sub, [...before, init, ...args, '--', 'sh', '-c', script], env);
          const other = Number(await child.line());
          sub.teardown(() => kill(other));
          child.write('end\n');
          sub.same(await child.ended(), [3, null], what);
          if (ends) await until(`${what}: the other process has ended`, () => !lives(other));
          else sub.ok(lives(other), `${what}: the other process still runs`);
        }
    },
  );

  eachReaping(t, 'dumb-init: -r rewrites every signal to another one or drops it', async (sub, before) => {
    const [log = ''] = compile(sub, 'test/init/log-signals.c');
    const others = all.filter((signal) => signal <= 31 && ![18, ...stops].includes(signal));
    const ours = baileyInitAs(sub, 'dumb-init');
    const next = (signal: number) => others[(others.indexOf(signal) + 1) % others.length] ?? 0;
    const rules = others.flatMap((signal) => ['-r', `${signal}:${next(signal)}`]);
    const running = new Running([...before, ours, ...rules, '-r', '20:10', '-r', '18:0', '--', log]);
    sub.teardown(() => running.kill());
    sub.equal(await running.line(), 'ready');
    const init = await running.pid('dumb-init');
    for (const signal of others) {
      process.kill(init, signal);
      sub.equal(await running.line(), `${next(signal)} 0 0`, `${signal} as ${next(signal)}`);
    }
    process.kill(init, 'SIGCONT');
    process.kill(init, 'SIGTSTP');
    sub.equal(await running.line(), '10 0 0', 'CONT is dropped, TSTP is USR1');
  });

  // The real dumb-init loses 9 of 2,000 signals here: the SIGSTOP that it sends itself does not stop PID 1, but discards a
  // pending SIGCONT (signal(7)).
  eachReaping(t, 'dumb-init: SIGCONT right after a stop continues the program', async (sub, before) => {
    const [log = ''] = compile(sub, 'test/init/log-signals.c');
    const running = new Running([...before, baileyInitAs(sub, 'dumb-init'), '--', log]);
    sub.teardown(() => running.kill());
    sub.equal(await running.line(), 'ready');
    const init = await running.pid('dumb-init');
    const [program = 0] = childrenOf(init);
    for (let round = 0; round < 2_000; round++) {
      process.kill(init, 'SIGTSTP');
      while (stat(program)?.state !== 'T'); // without a pause, to hit the moment
      process.kill(init, 'SIGCONT');
      if (stat(program)?.state === 'T')
        await until(`round ${round}: the program continues`, () => stat(program)?.state !== 'T');
      await running.line();
    }
    sub.pass();
  });

  eachReaping(
    t,
    'dumb-init: SIGTSTP, SIGTTIN and SIGTTOU stop it and its program, SIGCONT continues both',
    async (sub, before) => {
      for (const program of [baileyInitAs(sub, 'dumb-init'), 'dumb-init'])
        for (const signal of ['SIGTSTP', 'SIGTTIN', 'SIGTTOU'] as const) {
          const init = startAsChild(sub, [...before, program, 'sh', '-c', 'echo $$; read line; exit 8']);
          const child = Number(await init.line());
          process.kill(init.pid, signal);
          const stopped = (pid: number) => stat(pid)?.state === 'T';
          await until(`${signal}: both are stopped`, () => stopped(init.pid) && stopped(child));
          process.kill(init.pid, 'SIGCONT');
          await until(`${signal}: both continue`, () => !stopped(init.pid) && !stopped(child));
          init.write('end\n');
          sub.same(await init.ended(), [8, null], `${program} ${signal}`);
        }
    },
  );

  for (const [dialect, folder] of [
    ['tini', process.cwd()],
    ['dumb-init', '/'],
    ['catatonit', '/'],
  ] as const)
    eachReaping(
      t,
      `${dialect}: the init's working directory is ${folder === '/' ? '/' : 'inherited'}, that of the program is inherited`,
      async (sub, before) => {
        // Before 0.2 the real catatonit keeps the inherited working directory.
        for (const program of [baileyInitAs(sub, dialect), ...(dialect === 'catatonit' ? [] : [dialect])]) {
          const running = new Running([...before, program, '--', 'sh', '-c', 'pwd; read line']);
          sub.teardown(() => running.kill());
          sub.equal(await running.line(), process.cwd());
          const init = await running.pid(dialect);
          await until(`${program} is in ${folder}`, () => readlinkSync(`/proc/${init}/cwd`) === folder);
        }
      },
    );

  t.test("dumb-init: the messages of -v are those that dumb-init's own test suite expects", async (sub) => {
    const pid = '\\d+';
    const line = (text: string) => `\\[dumb-init\\] ${text.replace(/[.]/g, '\\.')}\n`;
    const end = (code: string) =>
      line('Received signal 17.') +
      line(`A child with PID ${pid} ${code}.`) +
      line('Forwarded signal 15 to children.') +
      line('Child exited with status \\d+. Goodbye.');
    // The real dumb-init also prints the name of the variable; no script searches for that.
    const mode = `(${line('Running in debug mode.')})?`;
    const ours = baileyInitAs(sub, 'dumb-init');
    for (const init of [ours, 'dumb-init'])
      for (const [options, env] of [
        [['-v'], {}],
        [['--verbose'], {}],
        [[], { DUMB_INIT_DEBUG: '1' }],
      ] as const) {
        const own = run([init, ...options, 'echo', 'oh,', 'hi'], { env });
        sub.equal(own.stdout, 'oh, hi\n');
        sub.match(own.stderr, new RegExp(line('setsid complete.')));
        const spawned = line(`Child spawned with PID ${pid}.`);
        sub.match(own.stderr, new RegExp(`${spawned}[^]*${end('exited with exit status 0')}$`), init);
        const single = run([init, '-c', ...options, '--', ...exits(3)], { env });
        sub.match(
          single.stderr,
          new RegExp(`^${mode}${spawned}${end('exited with exit status 3')}$`),
          `${init} -c`,
        );
        const killed = run([init, '-c', ...options, '--', ...dies(9)], { env });
        sub.match(
          killed.stderr,
          new RegExp(`^${mode}${spawned}${end('was terminated by signal 9')}$`),
          `${init} -c`,
        );
      }
    const running = new Running([
      ours,
      '-v',
      'sh',
      '-c',
      'trap "exit 2" USR1; echo up; while :; do read x; done',
    ]);
    await running.line();
    process.kill(await running.pid('dumb-init'), 'SIGUSR1');
    const { code, stderr } = await running.ended();
    sub.equal(code, 2);
    sub.match(stderr, '[dumb-init] Received signal 10.\n[dumb-init] Forwarded signal 10 to children.\n');
    const texts: [args: string[], stderr: string][] = [
      [[], 'Usage: dumb-init [option] program [args]\nTry dumb-init --help for full usage.\n'],
      [['/doesnotexist'], '[dumb-init] /doesnotexist: No such file or directory\n'],
      [['-V'], `dumb-init v${run(['dumb-init', '-V']).stderr.slice('dumb-init v'.length)}`],
    ];
    for (const [args, stderr] of texts) sub.equal(run([ours, ...args]).stderr, stderr);
  });

  eachReaping(t, 'catatonit: inherited descriptors stay open only in the program', async (sub, before) => {
    for (const program of [baileyInitAs(sub, 'catatonit'), 'catatonit']) {
      const command = ['sh', '-c', 'exec "$@" 5</dev/zero 9</dev/full', 'sh', ...before, program];
      const running = new Running([
        ...command,
        '--',
        'sh',
        '-c',
        'readlink /proc/$$/fd/5 /proc/$$/fd/9; read x',
      ]);
      sub.teardown(() => running.kill());
      sub.same([await running.line(), await running.line()], ['/dev/zero', '/dev/full']);
      const init = await running.pid('catatonit');
      // catatonit closes its descriptors after it has started the program.
      await until(`${program} has closed the inherited descriptors`, () =>
        readdirSync(`/proc/${init}/fd`).every(
          (fd) => !readlinkSync(`/proc/${init}/fd/${fd}`).startsWith('/dev/'),
        ),
      );
    }
  });

  eachReaping(t, 'catatonit: -P reaps until SIGTERM or SIGINT', async (sub, before) => {
    for (const program of [baileyInitAs(sub, 'catatonit'), 'catatonit'])
      for (const [signal, args] of [
        ['SIGTERM', ['-P']],
        ['SIGINT', ['-P', 'no-such-program']],
      ] as const) {
        // One process is a child of PID 1 before PID 1 executes the init; another one becomes an orphan later.
        const births = ['sh', '-c', '(sh -c "read x </dev/null; exec true" &); exec "$@"', 'sh'];
        const running = new Running([...births, ...before, program, ...args]);
        sub.teardown(() => running.kill());
        const init = await running.pid('catatonit');
        // The real catatonit does not reap a process that ended before catatonit waits, unless another one ends later.
        if (program !== 'catatonit')
          await until('the init has no other children', () => childrenOf(init).length === 0);
        // The kernel drops a signal to PID 1 that PID 1 neither blocks nor handles yet.
        await until(
          'the init waits for signals',
          () => stat(init)?.state === 'S' && (program === 'catatonit' || blocks(init, 1)),
        );
        process.kill(init, 'SIGHUP');
        process.kill(init, signal);
        sub.equal((await running.ended()).code, 0, `${program} ${args} ${signal}`);
      }
  });

  t.test(
    'catatonit: CATATONIT_DEBUG sets whether debug messages are printed; errors always are',
    async (sub) => {
      const ours = baileyInitAs(sub, 'catatonit');
      sub.equal(run([ours, 'true']).stderr, '');
      sub.match(
        run([ours, 'true'], { env: { CATATONIT_DEBUG: '' } }).stderr,
        /^(DEBUG|INFO) \(catatonit:1\): /,
      );
      sub.match(
        run([ours, 'no-such-program']).stderr,
        /^ERROR \(catatonit:\d+\): failed to exec pid1: No such file/,
      );
    },
  );

  t.test(
    'the last component of the name selects the dialect; an unknown one selects that of bailey-init',
    async (sub) => {
      sub.match(run(['sh', '-c', 'exec "$0" --version', baileyInitAs(sub, 'tini')]).stdout, /^tini version/);
      const asked = (name: string) =>
        spawnSync(baileyInitAs(sub, 'tini'), ['--version'], { argv0: name, encoding: 'utf8' }).stdout;
      for (const name of ['tini-x', 'xtini', 'tini/', '', '/', 'TINI'])
        sub.match(asked(name), /^bailey-init /, name);
      for (const name of ['/sbin/tini', 'tini', './docker-init', 'tini-static'])
        sub.match(asked(name), /^tini /, name);
    },
  );
}
