// The races and bugs of the other inits, each shown on the real one and then its absence in bailey-init. A race is
// tried in many rounds: the real one loses at least once, bailey-init never, in its own dialect and in the other's.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { compile } from '../kit/compile.ts';
import { childrenOf, Running, stat, until } from '../kit/namespace.ts';
import { pidNamespace, requires } from '../kit/needs.ts';
import { bailey } from './bailey-init.ts';
import { called, peers, run } from './other-inits.ts';
import { ways } from './reaping-ways.ts';

/** bailey-init under its own name, in both ways of reaping. */
const own = (...args: string[]): [name: string, command: string[]][] =>
  ways.map((way) => [`bailey-init --reap ${way}`, [bailey, '--reap', way, ...args]]);

/**
 * Whether a signal that comes around the program's birth gets lost, in one of many rounds. The program ends by that
 * signal; when it was lost, the program ends by itself.
 */
function losesAtBirth(sub: Test, init: readonly string[], signal: number): boolean {
  const [atBirth = '', waits = ''] = compile(
    sub,
    'test/init/signal-at-birth.c',
    'test/init/wait-for-signal.c',
  );
  const rounds = Array.from({ length: 60 }, (_, round) => `${(round % 25) * 400}`);
  return rounds.some((delay) => run([atBirth, `${signal}`, delay, ...init, waits]).code !== 128 + signal);
}

/** Whether a signal waits to be taken by a process. */
function pending(pid: number, signal: number): boolean {
  const [, hex = '0'] = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^ShdPnd:\s+(\w+)/m) ?? [];
  return ((BigInt(`0x${hex}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

if (requires(t, pidNamespace, peers)) {
  t.test('a signal to the process group before the group exists', async (sub) => {
    const loses = (init: readonly string[]) => losesAtBirth(sub, init, 15);
    sub.ok(loses(['tini', '-g', '--']), 'tini does');
    for (const [name, init] of own('--group')) sub.notOk(loses(init), name);
    sub.notOk(loses([called(sub, 'tini'), '-g', '--']), 'as tini');
    sub.notOk(loses([called(sub, 'dumb-init')]), 'as dumb-init');
  });

  t.test('a signal between fork and exec', async (sub) => {
    const loses = (init: readonly string[]) => losesAtBirth(sub, init, 10);
    sub.ok(loses(['dumb-init']), 'dumb-init does');
    for (const [name, init] of own()) sub.notOk(loses(init), name);
    sub.notOk(loses([called(sub, 'dumb-init')]), 'as dumb-init');
    sub.notOk(loses([called(sub, 'catatonit'), '--']), 'as catatonit');
  });

  t.test('a stopped program does not get SIGTERM', async (sub) => {
    const script = 'trap "exit 7" TERM; echo $$; kill -STOP $$; while :; do read x; done';
    for (const [comm, init] of [
      ['tini', ['tini', '--']],
      ['dumb-init', ['dumb-init', '--']],
      ['catatonit', ['catatonit', '--']],
      ...own().map(([, command]) => ['bailey-init', command] as const),
      ['tini', [called(sub, 'tini'), '--']],
      ['dumb-init', [called(sub, 'dumb-init'), '--']],
      ['catatonit', [called(sub, 'catatonit'), '--']],
    ] as const) {
      const running = new Running([...init, 'sh', '-c', script]);
      sub.teardown(() => running.kill());
      await running.line();
      const pid = await running.pid(comm);
      const [program = 0] = childrenOf(pid);
      await until('it is stopped', () => stat(program)?.state === 'T');
      process.kill(pid, 'SIGTERM');
      if (init[0] === comm) {
        // The real one has taken the signal, and sleeps again.
        await until('the program has the signal', () => pending(program, 15));
        sub.equal(stat(program)?.state, 'T', `${comm}: for ever`);
      } else sub.equal((await running.ended()).code, 7, init.join(' '));
    }
  });

  t.test('descendants that still run their SIGTERM handlers', async (sub) => {
    const handler = '(trap "sleep 0.5; echo handled; exit" TERM; echo up; while :; do sleep 0.02; done) &';
    // First of all: `up` comes from the other process, and must not come before it.
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

  t.test("catatonit's program starts with TSTP, TTIN and TTOU blocked", async (sub) => {
    const mask = (init: string) =>
      run([init, '--', 'sed', '-n', 's/^SigBlk:.//p', '/proc/self/status']).stdout;
    sub.equal(mask('catatonit'), '0000000000380000\n');
    sub.equal(mask(called(sub, 'catatonit')), '0000000000000000\n');
  });

  t.test('real-time signals', async (sub) => {
    const [log = ''] = compile(sub, 'test/init/log-signals.c');
    for (const name of ['tini', 'dumb-init', 'catatonit'] as const) {
      const running = new Running([called(sub, name), '--', log]);
      sub.teardown(() => running.kill());
      sub.equal(await running.line(), 'ready');
      const init = await running.pid(name);
      for (let signal = 32; signal <= 64; signal++) {
        process.kill(init, signal);
        sub.equal(await running.line(), `${signal} 0 0`, `${name}: ${signal}`);
      }
    }
    // It takes what lies behind its table for the signal to send: no test can say what that is.
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
