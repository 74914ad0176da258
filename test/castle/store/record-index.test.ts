/** The index of records by the values of their fields. */
import t from 'tap';
import { RecordIndex } from '../../../src/castle/store/record-index.ts';

const lease = (id: string, volume: string, container: string) => ({ id, volume, container });
const leaseIndex = (leases: readonly ReturnType<typeof lease>[]) =>
  new RecordIndex(['volume', 'container'], leases);

t.test('leases are found by volume and by container, in the order of their ids', async (t) => {
  const index = leaseIndex([lease('2', 'main', 'a'), lease('1', 'main', 'b'), lease('3', 'other', 'a')]);
  t.same(index.ids('volume', 'main'), ['1', '2']);
  t.same(index.ids('container', 'a'), ['2', '3']);
  t.same(index.ids('volume', 'none'), []);
});

t.test('changes count after their commit, and not at all when it fails', async (t) => {
  const index = leaseIndex([lease('1', 'main', 'a')]);
  index.put(lease('2', 'main', 'b'));
  index.remove('1');
  t.same(index.ids('volume', 'main'), ['1']);
  index.abort();
  index.commit();
  t.same(index.ids('volume', 'main'), ['1']);
  index.put(lease('2', 'main', 'b'));
  index.remove('1');
  index.remove('unknown');
  index.commit();
  t.same(index.ids('volume', 'main'), ['2']);
  t.same(index.ids('container', 'a'), []);
});

t.test('a lease that is written again stays in the index once', async (t) => {
  const index = leaseIndex([lease('1', 'main', 'a')]);
  index.put(lease('1', 'main', 'a'));
  index.commit();
  t.same(index.ids('volume', 'main'), ['1']);
});
