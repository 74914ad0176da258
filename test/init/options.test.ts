// bailey-init's own options and their variables: their effect on a program, its process group and its descendants.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { compile } from '../kit/compile.ts';
import { blocks, childrenOf, Running, stat, until } from '../kit/namespace.ts';
import { pidNamespace, requires, root } from '../kit/needs.ts';
import { bailey } from './bailey-init.ts';
import { run } from './other-inits.ts';
import { eachWay, type Way } from './reaping-ways.ts';

/** An option as an argument, and as a variable. */
function bothForms(option: string, value?: string): [args: string[], env: Record<string, string>][] {
  const variable = `BAILEY_${option.slice(2).toUpperCase().replace(/-/g, '_')}`;
  return [
    [value === undefined ? [option] : [option, value], {}],
    [[], { [variable]: value ?? '1' }],
  ];
}

function temporaryFolder(sub: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'bailey-options-'));
  sub.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const lives = (pid: number): boolean => !['Z', 'X', undefined].includes(stat(pid)?.state);
const exits = (code: number) => ['sh', '-c', `exit ${code}`];

function start(sub: Test, way: Way, args: readonly string[], env: Record<string, string> = {}): Running {
  const running = new Running([bailey, '--reap', way, ...args], { env: { ...process.env, ...env } });
  sub.teardown(() => running.kill());
  return running;
}

if (requires(t, pidNamespace)) {
  eachWay(t, '--group forwards signals to the whole process group', async (sub, way) => {
    const script = "trap '' USR1; (trap - USR1; exec sh -c 'echo up; exec sleep 1000'); echo $?; exit 5";
    for (const [args, env] of bothForms('--group')) {
      const running = start(sub, way, [...args, 'sh', '-c', script], env);
      sub.equal(await running.line(), 'up');
      process.kill(await running.pid(), 'SIGUSR1');
      sub.equal(await running.line(), '138');
      sub.equal((await running.ended()).code, 5);
    }
  });

  eachWay(
    t,
    '--rewrite replaces signals by name, number and list, and drops those with 0',
    async (sub, way) => {
      const [log = ''] = compile(sub, 'test/init/log-signals.c');
      const rules = 'INT:TERM,SIGHUP:0,10:12,RTMIN+1:RTMAX-1,SIGRTMAX:35,RTMIN:USR1,33:32';
      const sent: [signal: number, becomes: number][] = [
        [2, 15],
        [1, 0],
        [10, 12],
        [35, 63],
        [64, 35],
        [34, 10],
        [33, 32],
        [12, 12],
      ];
      for (const [args, env] of bothForms('--rewrite', rules)) {
        const running = start(sub, way, [...args, log], env);
        sub.equal(await running.line(), 'ready');
        const init = await running.pid();
        for (const [signal, becomes] of sent) {
          process.kill(init, signal);
          if (becomes > 0) sub.equal(await running.line(), `${becomes} 0 0`, `${signal}`);
        }
      }
    },
  );

  t.test('--remap replaces exit codes given alone, as a pair and in a list', async (sub) => {
    for (const [args, env] of bothForms('--remap', '143,5:7,255:0,137:9')) {
      const code = (...program: string[]) => run([bailey, '--no-epitaph', ...args, ...program], { env }).code;
      sub.equal(code('sh', '-c', 'kill -TERM $$'), 0);
      sub.equal(code('sh', '-c', 'kill -KILL $$'), 9);
      sub.equal(code(...exits(5)), 7);
      sub.equal(code(...exits(7)), 7, 'a replaced code is not replaced again');
      sub.equal(code(...exits(255)), 0);
      sub.equal(code(...exits(6)), 6);
    }
  });

  eachWay(
    t,
    '--expect-term: exit code 0 only for a program that a forwarded signal ended',
    async (sub, way) => {
      for (const [args, env] of bothForms('--expect-term')) {
        const trapped = 'trap "exit 143" TERM; echo up; while :; do read x; done';
        for (const [script, code] of [
          ['echo up; exec sleep 1000', 0],
          [trapped, 0],
          ['trap "exit 3" TERM; echo up; while :; do read x; done', 3],
        ] as const) {
          const running = start(sub, way, [...args, 'sh', '-c', script], env);
          await running.line();
          process.kill(await running.pid(), 'SIGTERM');
          sub.equal((await running.ended()).code, code, script);
        }
        sub.equal(run([bailey, '--reap', way, ...args, 'sh', '-c', 'kill -TERM $$'], { env }).code, 143);
      }
    },
  );

  eachWay(t, '--stop-timeout kills a program that ignores SIGTERM', async (sub, way) => {
    for (const [args, env] of bothForms('--stop-timeout', '100ms')) {
      const running = start(sub, way, [...args, 'sh', '-c', "trap '' TERM; echo up; exec sleep 1000"], env);
      await running.line();
      process.kill(await running.pid(), 'SIGTERM');
      const { code, stderr } = await running.ended();
      sub.equal(code, 137);
      sub.equal(stderr, 'bailey-init: process 2 did not end in time after SIGTERM, sending SIGKILL\n');
    }
    const quick = start(sub, way, [
      '--stop-timeout',
      '1h',
      'sh',
      '-c',
      'trap "exit 4" TERM; echo up; while :; do read x; done',
    ]);
    await quick.line();
    process.kill(await quick.pid(), 'SIGTERM');
    sub.same(await quick.ended(), { code: 4, stdout: 'up\n', stderr: '' });
  });

  eachWay(
    t,
    '--grace: signal handlers finish, stopped processes continue, bailey-init exits after the last process',
    async (sub, way) => {
      // The handler ends when this test writes a line, not after a time.
      const handler =
        '(trap "echo in-handler; read x; echo \\$x; exit" TERM; echo up; while :; do sleep 0.02; done) <&3 &';
      const still = '(trap "echo woken; exit" TERM; kill -STOP $(exec sh -c "echo \\$PPID")) &';
      const script = `exec 3<&0; ${handler} ${still} read x; exit 6`;
      for (const [args, env] of bothForms('--grace', '1h')) {
        const running = start(sub, way, [...args, 'sh', '-c', script], env);
        sub.equal(await running.line(), 'up');
        const init = await running.pid();
        const below = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...below(child)]);
        await until('a process is stopped', () => below(init).some((pid) => stat(pid)?.state === 'T'));
        running.write('the program ends\n');
        const words = [await running.line(), await running.line()].sort();
        sub.same(words, ['in-handler', 'woken']);
        sub.ok(lives(init), 'bailey-init waits for the handler');
        running.write('finished\n');
        sub.equal(await running.line(), 'finished');
        sub.equal((await running.ended()).code, 6, 'before the end of the grace period');
      }
    },
  );

  eachWay(t, '--grace kills processes that ignore SIGTERM', async (sub, way) => {
    const script = "(trap '' TERM; echo up; exec sleep 1000) & read x; exit 7";
    const running = start(sub, way, ['--grace', '100ms', 'sh', '-c', script]);
    sub.equal(await running.line(), 'up');
    const { code, stderr } = await running.end('the program ends\n');
    sub.equal(code, 7);
    sub.equal(stderr, 'bailey-init: the grace period is over, sending SIGKILL to the remaining processes\n');
  });

  eachWay(
    t,
    '--wait-all waits for the successor of a program that restarts itself by forking',
    async (sub, way) => {
      const script = '(sh -c "echo second; read x; echo \\$x; exit 9" <&3 &) 3<&0; exit 8';
      for (const [args, env] of bothForms('--wait-all')) {
        const running = start(sub, way, [...args, 'sh', '-c', `exec 3<&0; ${script}`], env);
        sub.equal(await running.line(), 'second');
        const init = await running.pid();
        await until('the first program has ended', () => childrenOf(init).length === 1);
        sub.ok(lives(init));
        running.write('on\n');
        sub.equal(await running.line(), 'on');
        sub.equal((await running.ended()).code, 8);
      }
    },
  );

  eachWay(t, '--wait-all with --grace: SIGTERM starts the grace period', async (sub, way) => {
    const script = "(trap '' TERM; echo up; exec sleep 1000) & exit 8";
    const running = start(sub, way, ['--wait-all', '--grace', '100ms', 'sh', '-c', script]);
    sub.equal(await running.line(), 'up');
    const init = await running.pid();
    const sleeps = (pid: number) => stat(pid)?.comm === 'sleep';
    // The program is a child too, but it runs sh, not sleep.
    await until('only the sleep is left', () => {
      const [child = 0, ...more] = childrenOf(init);
      return more.length === 0 && sleeps(child);
    });
    process.kill(init, 'SIGTERM');
    sub.same(await running.ended(), {
      code: 8,
      stdout: 'up\n',
      stderr: 'bailey-init: the grace period is over, sending SIGKILL to the remaining processes\n',
    });
  });

  eachWay(t, 'when bailey-init is not process 1, --grace ends only its descendants', async (sub, way) => {
    const bystander = spawn('sleep', ['1000'], { stdio: 'ignore' });
    sub.teardown(() => bystander.kill('SIGKILL'));
    const script = "(trap '' TERM; setsid sleep 1000 >/dev/null & echo $!); exit 2";
    const args = ['--reap', way, '--grace', '200ms', 'sh', '-c', script];
    const init = spawn(bailey, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let orphan = '';
    init.stdout.setEncoding('utf8').on('data', (text: string) => {
      orphan += text;
    });
    sub.same(await once(init, 'close'), [2, null]);
    sub.notOk(lives(Number(orphan)), 'an orphan in a session of its own has ended');
    sub.equal(bystander.exitCode ?? bystander.signalCode, null, 'a process that is no descendant still runs');
  });

  t.test(
    'when bailey-init is not process 1 and has no /proc of its own, it signals no other process and exits',
    async (sub) => {
      const script = `$1; sleep 1000 >/dev/null 2>&1 & "$0" --grace 100ms sh -c '(sleep 1000 >/dev/null 2>&1 &); exit 5'
      echo "$?"; kill $! && echo alive`;
      for (const setUp of ['umount /proc || mount -t tmpfs none /proc', ':']) {
        const command = ['sh', '-c', script, bailey, setUp];
        const running = new Running(command, { proc: false, unshare: ['--mount'] });
        sub.teardown(() => running.kill());
        const { stdout, stderr } = await running.ended();
        sub.equal(stdout, '5\nalive\n', setUp);
        sub.match(stderr, /some processes cannot be killed and remain\n/);
      }
    },
  );

  // Only root can create a process that another user may not kill.
  if (root() === undefined)
    eachWay(t, '--grace: the kernel kills processes that bailey-init may not kill', async (sub, way) => {
      const [first = ''] = compile(sub, 'test/init/become-root.c');
      const script = `${first} 1000 & read x; exit 6`;
      const user = ['setpriv', '--reuid=1000', '--clear-groups', '--inh-caps=-all'];
      const copy = `${dirname(first)}/bailey-init`;
      copyFileSync(bailey, copy);
      chownSync(first, 0, 0);
      chmodSync(first, 0o4755);
      const command = [...user, copy, '--reap', way, '--grace', '100ms', 'sh', '-c', script];
      const running = new Running(command);
      sub.teardown(() => running.kill());
      sub.equal(await running.line(), 'root');
      sub.same(await running.end('end\n'), {
        code: 6,
        stdout: 'root\n',
        stderr: 'bailey-init: the grace period is over, sending SIGKILL to the remaining processes\n',
      });
    });

  t.test('--subreaper sets whether bailey-init adopts orphans when it is not process 1', async (sub) => {
    const script = '(sleep 1000 >/dev/null & echo $!); read line';
    for (const [value, adopted] of [
      ['auto', true],
      ['always', true],
      ['never', false],
    ] as const)
      for (const [args, env] of bothForms('--subreaper', value)) {
        const init = spawn(bailey, [...args, 'sh', '-c', script], { env: { ...process.env, ...env } });
        const [text] = (await once(init.stdout.setEncoding('utf8'), 'data')) as [string];
        const orphan = Number(text);
        sub.teardown(() => process.kill(orphan, 'SIGKILL'));
        await until(
          "the orphan's first parent has ended",
          () => stat(stat(orphan)?.parent ?? 0)?.comm !== 'sh',
        );
        sub.equal(stat(orphan)?.parent === init.pid, adopted, value);
        init.stdin.end();
        sub.same(await once(init, 'exit'), [1, null]);
      }
  });

  t.test('--pause runs no program until SIGTERM or SIGINT', async (sub) => {
    for (const [args, env] of bothForms('--pause'))
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        const running = new Running([bailey, ...args], { env: { ...process.env, ...env } });
        sub.teardown(() => running.kill());
        const init = await running.pid();
        await until('bailey-init blocks signals', () => blocks(init, 1));
        process.kill(init, 'SIGHUP');
        process.kill(init, signal);
        sub.same(await running.ended(), { code: 0, stdout: '', stderr: '' });
      }
  });

  eachWay(t, '--forget: the program has the secrets, and process 1 does not show them', async (sub, way) => {
    // Until PID 1 runs again, which it does when the program has been executed.
    const script = `
      while grep -aqe h1dden -e s3cret /proc/1/environ /proc/1/cmdline; do :; done
      tr '\\0' '\\n' < /proc/1/environ | grep -a ^PASSWORD
      tr '\\0' '\\n' < /proc/1/cmdline | tail -n 6
      echo $PASSWORD $PASSWORDS "$@"`;
    const words = ['--key', 'h1dden', '--key=s3cret', '--keys', 'key', '-k'];
    const given = { PASSWORD: 'h1dden', PASSWORDS: 'seen' };
    const some = ['--key', '******', '--key=******', '--keys', 'key', '-k'];
    for (const [args, env, left] of [
      ...bothForms('--forget', 'PASSWORD,--key,NOBODY,,-k').map((form) => [...form, some] as const),
      ...bothForms('--forget', '-,PASSWORD').map(
        (form) => [...form, words.map((word) => '*'.repeat(word.length))] as const,
      ),
    ]) {
      // The script has the words that it looks for: as a file, it is on no command line.
      const file = join(temporaryFolder(sub), 'script');
      writeFileSync(file, script);
      const running = start(sub, way, [...args, 'sh', file, ...words], { ...given, ...env });
      const { code, stdout } = await running.ended();
      sub.equal(code, 0);
      const [first, second, ...rest] = stdout.split('\n');
      sub.same([first, second].sort(), ['PASSWORD=******', 'PASSWORDS=seen']);
      sub.same(rest, [...left, `h1dden seen ${words.join(' ')}`, '']);
    }
  });

  t.test('--warn reports each reaped zombie, --verbose also signals and exits', async (sub) => {
    const orphan =
      'p=$( (sh -c "while test \\$PPID != 1 -a -e /proc/\\$PPID; do :; done" >/dev/null & echo $!) ); while test -e /proc/$p; do :; done; echo $p';
    for (const [args, env] of bothForms('--warn')) {
      const { stdout, stderr } = run([bailey, ...args, 'sh', '-c', orphan], { env });
      sub.equal(stderr, `bailey-init: reaped orphan ${stdout.trim()}\n`);
    }
    for (const [args, env] of bothForms('--verbose')) {
      const { stderr } = run([bailey, ...args, ...exits(3)], { env });
      sub.match(
        stderr,
        /^bailey-init: started 'sh' as process 2\nbailey-init: process 2 has ended with exit code 3\n/,
      );
    }
    sub.equal(run([bailey, 'sh', '-c', orphan]).stderr, '');
  });

  t.test('a wrong value of an option or variable ends with one line and exit code 64', async (sub) => {
    for (const [option, values] of [
      [
        '--rewrite',
        [
          '',
          'TERM',
          'TERM:',
          ':TERM',
          'TERM:FOO',
          '65:1',
          '1:65',
          '0:1',
          'RTMIN+31:1',
          'TERM:INT,',
          'term:int',
        ],
      ],
      ['--remap', ['', '256', '-1', '1:256', '1:', '1,', 'x', '99999999999']],
      ['--grace', ['', '-1', 's', '1x', '1d', '99999999999', '1.5s']],
      ['--stop-timeout', ['', 'soon', '25d', '10 s']],
      ['--subreaper', ['', 'yes']],
      ['--forget', ['']],
    ] as const)
      for (const value of values)
        for (const [args, env] of bothForms(option, value)) {
          if (value === '' && args.length === 0) continue; // Empty is not set.
          const { code, stdout, stderr } = run([bailey, ...args, 'true'], { env, process1: false });
          sub.same([code, stdout], [64, ''], `${option} ${value}`);
          sub.match(stderr, /^bailey-init: (--|BAILEY_)[\w-]+ needs .*; see --help\n$/);
        }
    for (const name of ['GROUP', 'EXPECT_TERM', 'WAIT_ALL', 'PAUSE', 'WARN', 'VERBOSE', 'NO_EPITAPH']) {
      const set = (value: string) => run([bailey, ...exits(3)], { env: { [`BAILEY_${name}`]: value } });
      sub.equal(set('perhaps').code, 64, name);
      for (const value of ['0', 'false', 'no', 'off', ''])
        sub.same(set(value), { code: 3, stdout: '', stderr: '' });
    }
    for (const option of ['--group=1', '--wait-all=', '--gro', '-g'])
      sub.equal(run([bailey, option, 'true'], { process1: false }).code, 64, option);
  });
}
