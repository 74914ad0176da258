/** Processes that are watched end at the moment in which Node, or the worker that watches them, ends. */
import { resolve } from 'node:path';
import t from 'tap';
import { run } from '../kit/docker.ts';

// With this many watches, an earlier addon with a thread of its own aborted in more than half of the runs (exit code 134).
const times = 10;
const watches = 2000;

for (const [ending, name] of [
  ['main', 'the event loop of the main thread runs empty'],
  ['exit', 'process.exit()'],
  ['worker', 'the event loop of a worker runs empty'],
  ['terminated', 'a worker is terminated'],
] as const) {
  t.test(`Node ends with exit code 0 in ${times} runs when watched processes end: ${name}`, async (t) => {
    const codes = [];
    for (let n = 0; n < times; n++) {
      const command = ['test/linux/exit-with-watches.cjs', resolve('dist/addon.node'), ending, `${watches}`];
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
