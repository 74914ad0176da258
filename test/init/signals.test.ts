// bailey-init forwards every signal that can be forwarded, also while it starts. The program inherits its signal mask and
// dispositions.
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { compile } from '../kit/compile.ts';
import { childrenOf, inNamespace, Running, stat, until } from '../kit/namespace.ts';
import { pidNamespace, requires } from '../kit/needs.ts';
import { bailey } from './bailey-init.ts';
import { eachWay } from './reaping-ways.ts';

/** ILL, TRAP, ABRT, BUS, FPE, SEGV and SYS: the kernel sends them for faults of a program. */
const faults = [4, 5, 6, 7, 8, 11, 31];

/** All but SIGKILL and SIGSTOP, which cannot be caught, and SIGCHLD, which the init uses itself. */
const kinds: Record<string, number[]> = {
  ordinary: Array.from({ length: 31 }, (_, index) => index + 1).filter(
    (n) => ![9, 17, 19, ...faults].includes(n),
  ),
  fault: faults,
  'real-time': Array.from({ length: 33 }, (_, index) => index + 32),
};

if (requires(t, pidNamespace)) {
  for (const [kind, forwarded] of Object.entries(kinds)) {
    eachWay(t, `every ${kind} signal is forwarded`, async (sub, way) => {
      const [log = ''] = compile(sub, 'test/init/log-signals.c');
      const running = new Running([bailey, '--reap', way, '--', log]);
      sub.teardown(() => running.kill());
      sub.equal(await running.line(), 'ready');
      const init = await running.pid();
      for (const signal of forwarded) {
        process.kill(init, signal);
        sub.equal(await running.line(), `${signal} 0 0`, `signal ${signal}`);
      }
      process.kill(init, 17);
      process.kill(init, 15);
      sub.equal(await running.line(), '15 0 0', 'CHLD is not forwarded');
      sub.equal(stat(init)?.comm, 'bailey-init', 'bailey-init still runs');
    });

    eachWay(t, `every queued ${kind} signal is forwarded with its value`, async (sub, way) => {
      const [log = '', queue = ''] = compile(sub, 'test/init/log-signals.c', 'test/init/queue-signal.c');
      const running = new Running([bailey, '--reap', way, '--', log]);
      sub.teardown(() => running.kill());
      sub.equal(await running.line(), 'ready');
      const init = await running.pid();
      for (const signal of forwarded) {
        sub.equal(spawnSync(queue, [`${init}`, `${signal}`, `${signal * 1000}`]).status, 0);
        sub.equal(await running.line(), `${signal} -1 ${signal * 1000}`, `queued signal ${signal}`);
      }
    });
  }

  eachWay(t, 'no signal is lost while bailey-init starts', async (sub, way) => {
    const [log = '', early = ''] = compile(sub, 'test/init/log-signals.c', 'test/init/early-signals.c');
    const count = 400;
    const expected = Array.from({ length: count }, (_, value) => `40 -1 ${value}`);
    for (let time = 0; time < 40; time++) {
      const running = new Running([early, `${count}`, bailey, '--reap', way, '--', log]);
      sub.equal(await running.line(), 'ready');
      const got: (string | undefined)[] = [];
      while (got.length < count) got.push(await running.line());
      sub.same(got, expected, 'each signal, in order');
      await running.kill();
    }
  });

  eachWay(
    t,
    'the program gets the signal mask and the dispositions that bailey-init inherited',
    async (sub, way) => {
      const [given = ''] = compile(sub, 'test/init/set-signal-state.c');
      const cases: [mask: string, ignored: string, what: string][] = [
        ['0000000000000000', '0000000000000000', 'nothing'],
        ['0000000000004002', '0000000000001001', 'INT and TERM blocked, HUP and PIPE ignored'],
        ['0000000000010000', '0000000000010000', 'CHLD blocked and ignored'],
        ['0000000000000000', '0000000000010000', 'CHLD ignored'],
        [
          'fffffffffffbfeff',
          '0000000000000000',
          'everything blocked, also the real-time signals that libc keeps',
        ],
        ['0000000000080000', 'fffffffc7ffbfeff', 'everything ignored, TSTP blocked'],
      ];
      for (const [mask, ignored, what] of cases) {
        const command = [given, mask, ignored, bailey, '--reap', way, '--', 'cat', '/proc/self/status'];
        const { code, stdout } = await inNamespace(command);
        sub.equal(code, 0, what);
        sub.match(stdout, `SigBlk:\t${mask}\n`, `${what}: mask`);
        sub.match(stdout, `SigIgn:\t${ignored}\n`, `${what}: ignored`);
        sub.match(stdout, `SigCgt:\t${'0'.repeat(16)}\n`, `${what}: no handlers`);
      }
    },
  );

  eachWay(t, 'the exit code is not lost when bailey-init starts with SIGCHLD ignored', async (sub, way) => {
    const [given = ''] = compile(sub, 'test/init/set-signal-state.c');
    for (let time = 0; time < 50; time++) {
      const command = [given, '0', '10000', bailey, '--reap', way, '--', 'sh', '-c', 'exit 9'];
      sub.equal((await inNamespace(command, { proc: false })).code, 9);
    }
  });

  for (const [kind, deadly] of Object.entries({ ordinary: [1, 2, 3, 15], 'real-time': [34, 64] }))
    eachWay(t, `${kind} signals that end the program end the container`, async (sub, way) => {
      for (const signal of deadly) {
        const running = new Running([
          bailey,
          '--reap',
          way,
          '--',
          'sh',
          '-c',
          'ulimit -c 0; echo up; exec sleep 60',
        ]);
        await running.line();
        process.kill(await running.pid(), signal);
        sub.equal((await running.ended()).code, 128 + signal, `signal ${signal}`);
      }
    });

  eachWay(
    t,
    'bailey-init keeps running while the program is stopped, and forwards SIGCONT',
    async (sub, way) => {
      const running = new Running([
        bailey,
        '--reap',
        way,
        '--',
        'sh',
        '-c',
        'echo up; kill -STOP $$; exit 5',
      ]);
      sub.teardown(() => running.kill());
      await running.line();
      const init = await running.pid();
      const [program = 0] = childrenOf(init);
      await until('the program is stopped', () => stat(program)?.state === 'T');
      await until('bailey-init sleeps', () => stat(init)?.state === 'S');
      process.kill(init, 'SIGCONT');
      sub.equal((await running.ended()).code, 5);
    },
  );

  eachWay(
    t,
    'the exit code is not lost when the program ends while bailey-init is stopped',
    async (sub, way) => {
      const running = new Running([bailey, '--reap', way, '--', 'sh', '-c', 'echo up; read line; exit 6']);
      sub.teardown(() => running.kill());
      await running.line();
      const init = await running.pid();
      const [program = 0] = childrenOf(init);
      process.kill(init, 'SIGSTOP');
      await until('bailey-init is stopped', () => stat(init)?.state === 'T');
      running.write('go\n');
      await until('the program has ended', () => [undefined, 'Z', 'X'].includes(stat(program)?.state));
      process.kill(init, 'SIGCONT');
      sub.equal((await running.ended()).code, 6);
    },
  );
}
