// Races and bugs of other inits: each test shows that the real init has the fault and that bailey-init does not, neither
// under its own name nor in the dialect of that init. A race is run in many rounds: the real init loses a signal at least
// once, bailey-init never.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { compile } from '../kit/compile.ts';
import { childrenOf, Running, stat, until } from '../kit/namespace.ts';
import { pidNamespace, requires } from '../kit/needs.ts';
import { bailey } from './bailey-init.ts';
import { baileyInitAs, otherInits, run } from './other-inits.ts';
import { ways } from './reaping-ways.ts';

/** bailey-init under its own name, with both ways of reaping. */
const own = (...args: string[]): [name: string, command: string[]][] =>
  ways.map((way) => [`bailey-init --reap ${way}`, [bailey, '--reap', way, ...args]]);

/**
 * Whether a signal that arrives while the program is created is lost in one of many rounds. The program ends by that
 * signal; when it was lost, the program exits without it.
 */
function losesEarlySignal(sub: Test, init: readonly string[], signal: number): boolean {
  const [atBirth = '', waits = ''] = compile(
    sub,
    'test/init/signal-at-birth.c',
    'test/init/wait-for-signal.c',
  );
  const rounds = Array.from({ length: 60 }, (_, round) => `${(round % 25) * 400}`);
  return rounds.some((delay) => run([atBirth, `${signal}`, delay, ...init, waits]).code !== 128 + signal);
}

/** Whether a signal is pending for a process. */
function pending(pid: number, signal: number): boolean {
  const [, hex = '0'] = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^ShdPnd:\s+(\w+)/m) ?? [];
  return ((BigInt(`0x${hex}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

if (requires(t, pidNamespace, otherInits)) {
  t.test(
    'a signal that arrives before the process group exists is not lost, as it is with tini',
    async (sub) => {
      const loses = (init: readonly string[]) => losesEarlySignal(sub, init, 15);
      sub.ok(loses(['tini', '-g', '--']), 'tini loses it');
      for (const [name, init] of own('--group')) sub.notOk(loses(init), name);
      sub.notOk(loses([baileyInitAs(sub, 'tini'), '-g', '--']), 'as tini');
      sub.notOk(loses([baileyInitAs(sub, 'dumb-init')]), 'as dumb-init');
    },
  );

  t.test('a signal that arrives between fork and exec is not lost, as it is with dumb-init', async (sub) => {
    const loses = (init: readonly string[]) => losesEarlySignal(sub, init, 10);
    sub.ok(loses(['dumb-init']), 'dumb-init loses it');
    for (const [name, init] of own()) sub.notOk(loses(init), name);
    sub.notOk(loses([baileyInitAs(sub, 'dumb-init')]), 'as dumb-init');
    sub.notOk(loses([baileyInitAs(sub, 'catatonit'), '--']), 'as catatonit');
  });

  t.test(
    'a stopped program handles SIGTERM, which stays pending with tini, dumb-init and catatonit',
    async (sub) => {
      const script = 'trap "exit 7" TERM; echo $$; kill -STOP $$; while :; do read x; done';
      for (const [comm, init] of [
        ['tini', ['tini', '--']],
        ['dumb-init', ['dumb-init', '--']],
        ['catatonit', ['catatonit', '--']],
        ...own().map(([, command]) => ['bailey-init', command] as const),
        ['tini', [baileyInitAs(sub, 'tini'), '--']],
        ['dumb-init', [baileyInitAs(sub, 'dumb-init'), '--']],
        ['catatonit', [baileyInitAs(sub, 'catatonit'), '--']],
      ] as const) {
        const running = new Running([...init, 'sh', '-c', script]);
        sub.teardown(() => running.kill());
        await running.line();
        const pid = await running.pid(comm);
        const [program = 0] = childrenOf(pid);
        await until('the program is stopped', () => stat(program)?.state === 'T');
        process.kill(pid, 'SIGTERM');
        if (init[0] === comm) {
          // The real init has forwarded the signal and sleeps again; the program stays stopped.
          await until('the signal is pending for the program', () => pending(program, 15));
          sub.equal(stat(program)?.state, 'T', `${comm}: the program stays stopped`);
        } else sub.equal((await running.ended()).code, 7, init.join(' '));
      }
    },
  );

  t.test('with --grace, SIGTERM handlers of descendants finish, which tini kills', async (sub) => {
    const handler = '(trap "sleep 0.5; echo handled; exit" TERM; echo up; while :; do sleep 0.02; done) &';
    // The trap is set before the other process prints `up`.
    const script = `trap 'kill $!; exit 3' TERM; ${handler} while :; do sleep 0.02; done`;
    for (const [comm, init, handled] of [
      ['tini', ['tini', '-g', '--'], ''],
      ...own('--group', '--grace', '1h').map(([, command]) => ['bailey-init', command, 'handled\n'] as const),
    ] as const) {
      const running = new Running([...init, 'sh', '-c', script]);
      sub.teardown(() => running.kill());
      await running.line();
      process.kill(await running.pid(comm), 'SIGTERM');
      const { code, stdout } = await running.ended();
      sub.same([code, stdout], [3, `up\n${handled}`], init.join(' '));
    }
  });

  t.test(
    'the program starts with no signal blocked, where catatonit blocks TSTP, TTIN and TTOU',
    async (sub) => {
      const mask = (init: string) =>
        run([init, '--', 'sed', '-n', 's/^SigBlk:.//p', '/proc/self/status']).stdout;
      sub.equal(mask('catatonit'), '0000000000380000\n');
      sub.equal(mask(baileyInitAs(sub, 'catatonit')), '0000000000000000\n');
    },
  );

  t.test('real-time signals are forwarded, where catatonit forwards another signal', async (sub) => {
    const [log = ''] = compile(sub, 'test/init/log-signals.c');
    for (const name of ['tini', 'dumb-init', 'catatonit'] as const) {
      const running = new Running([baileyInitAs(sub, name), '--', log]);
      sub.teardown(() => running.kill());
      sub.equal(await running.line(), 'ready');
      const init = await running.pid(name);
      for (let signal = 32; signal <= 64; signal++) {
        process.kill(init, signal);
        sub.equal(await running.line(), `${signal} 0 0`, `${name}: ${signal}`);
      }
    }
    // The real catatonit reads the signal to send from beyond the end of its table; the value there is not predictable.
  });

  t.test('kill(-1): an init that is not process 1 signals only its own descendants', async (sub) => {
    const bystander = spawn('sleep', ['1000'], { stdio: 'ignore' });
    sub.teardown(() => bystander.kill('SIGKILL'));
    const [, init = []] = own('--grace', '100ms')[1] ?? [];
    const [file = '', ...args] = init;
    const ours = spawn(file, [...args, 'sh', '-c', 'sleep 1000 & exit 5'], { stdio: 'ignore' });
    sub.same(await once(ours, 'exit'), [5, null]);
    sub.same([bystander.exitCode, bystander.signalCode], [null, null]);
  });
}
