// A program that makes PID 1 its tracer, as some programs do against debuggers: every signal stops it, and only the
// tracer can continue it. The kernel does not free such a child either.
import t from 'tap';
import { compile } from '../kit/compile.ts';
import { childrenOf, Running, stat, until } from '../kit/namespace.ts';
import { pidNamespace, requires } from '../kit/needs.ts';
import { bailey } from './bailey-init.ts';
import { otherInits } from './other-inits.ts';
import { eachWay } from './reaping-ways.ts';

const endings = [
  ['end', 5],
  ['execute', 6],
  ['raise', 7],
] as const;

if (requires(t, pidNamespace)) {
  t.test(
    'with --reap wait, a program that bailey-init traces continues and keeps its exit code',
    async (sub) => {
      const [program = ''] = compile(sub, 'test/init/traced-by-parent.c');
      for (const [what, code] of endings) {
        const running = new Running([bailey, '--reap', 'wait', '--', program, what]);
        sub.teardown(() => running.kill());
        sub.equal((await running.end('go\n')).code, code, what);
      }
    },
  );

  eachWay(
    t,
    'a program that bailey-init traces can be ended, and its exit code is not lost',
    async (sub, way) => {
      const [program = ''] = compile(sub, 'test/init/traced-by-parent.c');
      for (const [what, code] of endings) {
        const running = new Running([bailey, '--reap', way, '--', program, what]);
        sub.teardown(() => running.kill());
        sub.equal(await running.line(), 'up');
        const init = await running.pid();
        await until('bailey-init sleeps', () => stat(init)?.state === 'S');
        running.write('go\n');
        sub.equal(await running.line(), 'traced');
        if (way === 'kernel' && what !== 'end') {
          // The kernel does not report the stop; bailey-init finds out when it forwards a signal.
          const [stopped = 0] = childrenOf(init);
          await until('the program is stopped', () => stat(stopped)?.state === 't');
          process.kill(init, 'SIGTERM');
          sub.ok([code, 143].includes((await running.ended()).code), what);
        } else sub.equal((await running.ended()).code, code, what);
      }
    },
  );
}

if (requires(t, pidNamespace, otherInits))
  t.test('the real tini exits when it traces its program, and the container ends', async (sub) => {
    const [program = ''] = compile(sub, 'test/init/traced-by-parent.c');
    const running = new Running(['tini', '--', program, 'raise']);
    sub.teardown(() => running.kill());
    sub.match(await running.end('go\n'), { code: 1, stderr: /exited for unknown reason/ });
  });
