/** Node ends while processes end that it watches: the thread that tells of them calls nothing that is freed already. */
import { resolve } from 'node:path';
import t from 'tap';
import { run } from '../kit/docker.ts';

// With so many, more than every second one was aborted (exit code 134) while nothing kept the thread from calling.
const times = 10;
const watches = 2000;

for (const where of ['main', 'worker']) {
  t.test(`${times} times, in the ${where === 'main' ? 'main thread' : 'worker'}`, async (t) => {
    const codes = [];
    for (let n = 0; n < times; n++) {
      const command = ['test/linux/ends-with-watches.cjs', resolve('dist/addon.node'), where, `${watches}`];
      const { code, stderr } = await run(process.execPath, command);
      codes.push(code);
      if (code !== 0) t.comment(stderr);
    }
    t.same(
      codes,
      Array.from({ length: times }, () => 0),
    );
  });
}
