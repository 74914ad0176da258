/** The index of leases by volume and container. */
import t from 'tap';
import { LeaseIndex } from '../../../src/castle/store/lease-index.ts';

const lease = (id: string, volume: string, container: string) => ({ id, volume, container });

t.test('leases are found by volume and by container, in the order of their ids', async (t) => {
  const index = new LeaseIndex([lease('2', 'main', 'a'), lease('1', 'main', 'b'), lease('3', 'other', 'a')]);
  t.same(index.onVolume('main'), ['1', '2']);
  t.same(index.ofContainer('a'), ['2', '3']);
  t.same(index.onVolume('none'), []);
});

t.test('changes count after their commit, and not at all when it fails', async (t) => {
  const index = new LeaseIndex([lease('1', 'main', 'a')]);
  index.put(lease('2', 'main', 'b'));
  index.remove('1');
  t.same(index.onVolume('main'), ['1']);
  index.abort();
  index.commit();
  t.same(index.onVolume('main'), ['1']);
  index.put(lease('2', 'main', 'b'));
  index.remove('1');
  index.remove('unknown');
  index.commit();
  t.same(index.onVolume('main'), ['2']);
  t.same(index.ofContainer('a'), []);
});

t.test('a lease that is written again stays in the index once', async (t) => {
  const index = new LeaseIndex([lease('1', 'main', 'a')]);
  index.put(lease('1', 'main', 'a'));
  index.commit();
  t.same(index.onVolume('main'), ['1']);
});
