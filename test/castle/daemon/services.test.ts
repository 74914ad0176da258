/** The order in which the services of a castle stop. */
import t from 'tap';
import { Services } from '../../../src/castle/daemon/services.ts';

t.test('services are stopped in the reverse order of their start', async (t) => {
  const services = new Services();
  const stopped: string[] = [];
  const service = (name: string) => ({ name, stop: () => void stopped.push(name) });
  services.add(service('store'));
  services.add(service('purge'), service('reconcile'));
  services.add({ name: 'listener', stop: async () => void stopped.push('listener') });
  await services.stop();
  t.same(stopped, ['listener', 'purge', 'reconcile', 'store']);
});

t.test('a service that cannot be stopped does not keep the others from being stopped', async (t) => {
  const services = new Services();
  const stopped: string[] = [];
  services.add({ name: 'store', stop: () => void stopped.push('store') });
  services.add({
    name: 'listener',
    stop() {
      throw new Error('cannot stop');
    },
  });
  await t.rejects(services.stop(), { message: 'cannot stop' });
  t.same(stopped, ['store']);
  await services.stop();
  t.same(stopped, ['store'], 'no service is stopped twice');
});
