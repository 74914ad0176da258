// bailey-init reaps all orphans, however many end and in whatever way.
import t from 'tap';
import { compile } from '../kit/compile.ts';
import { childrenOf, Running, stat, until } from '../kit/namespace.ts';
import { pidNamespace, requires } from '../kit/needs.ts';
import { bailey } from './bailey-init.ts';
import { eachWay } from './reaping-ways.ts';

if (requires(t, pidNamespace)) {
  eachWay(t, '3,000 orphans that end at the same time leave no zombie', async (sub, way) => {
    const [orphans = ''] = compile(sub, 'bench/orphans.c');
    const running = new Running([bailey, '--reap', way, '--', orphans, 'at-once', '3000']);
    sub.teardown(() => running.kill());
    sub.equal(await running.line(), 'ready');
    const init = await running.pid();
    sub.equal(childrenOf(init).length, 3001, 'the orphans are children of process 1');
    running.write('go\n');
    sub.equal(await running.line(), 'done');
    await until('the orphans are reaped', () => childrenOf(init).length === 1);
    sub.equal((await running.end()).code, 0);
  });

  eachWay(t, '1,000 orphans that end one after another leave no zombie', async (sub, way) => {
    const [orphans = ''] = compile(sub, 'bench/orphans.c');
    const running = new Running([bailey, '--reap', way, '--', orphans, 'one-by-one', '1000']);
    sub.teardown(() => running.kill());
    sub.equal(await running.line(), 'ready');
    const init = await running.pid();
    running.write('go\n');
    sub.equal(await running.line(), 'done');
    await until('the orphans are reaped', () => childrenOf(init).length === 1);
    sub.equal((await running.end()).code, 0);
  });

  eachWay(
    t,
    'the exit code is not lost when the program ends at the same time as hundreds of orphans',
    async (sub, way) => {
      const [orphans = ''] = compile(sub, 'bench/orphans.c');
      for (let time = 0; time < 25; time++) {
        const running = new Running([bailey, '--reap', way, '--', orphans, 'with-me', '300', '17']);
        sub.equal((await running.end('go\n')).code, 17);
      }
    },
  );

  eachWay(t, 'zombies that PID 1 had before it executed bailey-init are reaped', async (sub, way) => {
    const [first = ''] = compile(sub, 'test/init/zombie-before-exec.c');
    const running = new Running([first, bailey, '--reap', way, '--', 'sh', '-c', 'echo up; read line']);
    sub.teardown(() => running.kill());
    sub.equal(await running.line(), 'up');
    const init = await running.pid();
    await until('only the program is left', () => childrenOf(init).length === 1);
    sub.equal(stat(childrenOf(init)[0] ?? 0)?.comm, 'sh');
    sub.equal((await running.end('go\n')).code, 0);
  });

  eachWay(
    t,
    'children that PID 1 had before it executed bailey-init are reaped, whatever signal they send when they end',
    async (sub, way) => {
      const [before = ''] = compile(sub, 'test/init/children-before-exec.c');
      const running = new Running([
        before,
        bailey,
        '--reap',
        way,
        '--',
        'sh',
        '-c',
        'echo up; exec sleep 1000',
      ]);
      sub.teardown(() => running.kill());
      sub.equal(await running.line(), 'up');
      const init = await running.pid();
      await until('only the fourth child and the program are left', () => childrenOf(init).length === 2);
      running.write('end\n');
      await until('only the program is left', () => childrenOf(init).length === 1);
      sub.equal(stat(childrenOf(init)[0] ?? 0)?.comm, 'sleep');
    },
  );

  t.test('--pause also reaps children that PID 1 had before it executed bailey-init', async (sub) => {
    const [before = ''] = compile(sub, 'test/init/children-before-exec.c');
    const running = new Running([before, bailey, '--pause']);
    sub.teardown(() => running.kill());
    const init = await running.pid();
    await until('only the fourth child is left', () => childrenOf(init).length === 1);
    running.write('end\n');
    await until('no child is left', () => childrenOf(init).length === 0);
    sub.equal(stat(init)?.comm, 'bailey-init');
  });
}
