/** The undo steps of an operation that fails. */
import t from 'tap';
import { withUndo } from '../../../src/castle/leases/undo-stack.ts';

t.test('a failed operation runs its undo steps in reverse order and throws its own error', async (t) => {
  const done: string[] = [];
  const failing = withUndo(async (undo) => {
    undo.push(() => void done.push('first'));
    undo.push(async () => void done.push('second'));
    throw new Error('failed');
  });
  await t.rejects(failing, /^failed$/);
  t.same(done, ['second', 'first']);
});

t.test('an operation that succeeds runs no undo step', async (t) => {
  const done: string[] = [];
  const result = await withUndo(async (undo) => {
    undo.push(() => void done.push('first'));
    return 1;
  });
  t.equal(result, 1);
  t.same(done, []);
});

t.test('a step can be removed before the failure, and by another step while the stack unwinds', async (t) => {
  const done: string[] = [];
  const failing = withUndo(async (undo) => {
    undo.push(() => void done.push('first'));
    const removeSecond = undo.push(() => void done.push('second'));
    const removeThird = undo.push(() => void done.push('third'));
    undo.push(removeSecond);
    removeThird();
    throw new Error('failed');
  });
  await t.rejects(failing);
  t.same(done, ['first']);
});

t.test('after keepAll, a failure runs no undo step', async (t) => {
  const done: string[] = [];
  const failing = withUndo(async (undo) => {
    undo.push(() => void done.push('first'));
    undo.keepAll();
    throw new Error('failed');
  });
  await t.rejects(failing);
  t.same(done, []);
});
