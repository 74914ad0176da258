/** A shortened id of a snapshot: which snapshot it means, and what is refused. */
import t from 'tap';
import { completeSnapshotId } from '../../../src/castle/api/snapshot-id.ts';
import { RefusalError } from '../../../src/castle/refusals/refusal.ts';

const idOf = (begin: string): string =>
  `${begin}${'523e051c-0000-4000-8000-000000000000'.slice(begin.length)}`;

t.test('a shortened id means the one snapshot that it begins', async (t) => {
  const ids = [idOf('523e051c'), idOf('523f'), idOf('aaaa')];
  for (const [text, id] of [
    ['523e', ids[0]],
    ['523f…', ids[1]],
    ['aaaa...', ids[2]],
  ] as const) {
    t.equal(await completeSnapshotId(text, () => ids), id, text);
  }
  for (const text of ['523', '523d', 'latest:main', 'main', idOf('bbbb')]) {
    t.equal(await completeSnapshotId(text, () => ids), text, `${text} stays as it is`);
  }
});

t.test('a shortened id that begins several ids is refused, and the candidates are named', async (t) => {
  const ids = [idOf('523e051c'), idOf('523e052c'), idOf('aaaa')];
  const refusal = await completeSnapshotId('523e05', async () => ids).catch((thrown: unknown) => thrown);
  t.type(refusal, RefusalError);
  t.match(refusal, {
    code: 'bad_request',
    message: `snapshot id 523e05 is ambiguous: ${ids[0]}, ${ids[1]}`,
    remedy: 'give more of the id',
  });
  t.equal(await completeSnapshotId('523e051', () => ids), ids[0], 'one more digit is enough');
  const many = Array.from({ length: 12 }, (_, n) => idOf(`523e${n.toString(16)}`));
  await t.rejects(
    completeSnapshotId('523e', () => many),
    {
      message: new RegExp(`ambiguous: ${many.slice(0, 8).join(', ')}, …; `),
    },
  );
});
