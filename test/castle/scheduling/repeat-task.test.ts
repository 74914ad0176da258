/** Tasks that run repeatedly. */
import t from 'tap';
import { repeatTask } from '../../../src/castle/scheduling/repeat-task.ts';
import { until } from '../../kit/until.ts';

const rethrow = (thrown: unknown): never => {
  throw thrown;
};

t.test('a task runs again until it returns no delay, and then when it is requested', async () => {
  let runs = 0;
  const task = repeatTask(
    async () => {
      runs += 1;
      return runs < 3 ? 1 : undefined;
    },
    { firstInMs: 0, failed: rethrow },
  );
  await until('three runs', () => runs === 3 || undefined);
  task.runIn(1);
  await until('the requested run', () => runs === 4 || undefined);
  await task.stop();
});

t.test('a run that fails does not end the repetition', async (t) => {
  const errors: unknown[] = [];
  let runs = 0;
  const task = repeatTask(
    async () => {
      runs += 1;
      if (runs === 1) throw new Error('first');
      return undefined;
    },
    {
      firstInMs: 0,
      failed(thrown) {
        errors.push(thrown);
        return 1;
      },
    },
  );
  await until('the second run', () => runs === 2 || undefined);
  t.match(errors, [{ message: 'first' }]);
  await task.stop();
});

t.test('stop waits for the run in progress, whose signal is aborted, and begins no more', async (t) => {
  let runs = 0;
  let wasAborted = false;
  const task = repeatTask(
    (stop) =>
      new Promise((resolve) => {
        runs += 1;
        stop.addEventListener('abort', () => {
          wasAborted = true;
          setImmediate(() => resolve(0));
        });
      }),
    { firstInMs: 0, failed: rethrow },
  );
  await until('the task runs', () => runs === 1 || undefined);
  task.runIn(0); // while the task runs: there is only one run at a time
  await task.stop();
  t.ok(wasAborted);
  task.runIn(0);
  t.equal(runs, 1);
});

t.test('an earlier time of a request replaces a later one', async () => {
  let runs = 0;
  const task = repeatTask(
    async () => {
      runs += 1;
      return 3_600_000;
    },
    { failed: rethrow },
  );
  task.runIn(3_600_000);
  task.runIn(1);
  task.runIn(3_600_000);
  await until('the task has run at the earlier time', () => runs === 1 || undefined);
  await task.stop();
});
