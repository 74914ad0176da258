import { errorMessage } from '../../failure.ts';
import type { Mounter } from '../mount.ts';
import { Refused } from '../refused.ts';
import type { Store } from '../store.ts';
import type { Say } from './happening.ts';
import type { Metrics } from './metrics.ts';

/** A mounter whose acts are told of and measured. */
export function observedMounter(mounter: Mounter, metrics: Metrics, say: Say): Mounter {
  return {
    async mount(into, source, target) {
      const begun = performance.now();
      try {
        const mountId = await mounter.mount(into, source, target);
        const tookMs = since(begun);
        metrics.mount('mount', 'done', tookMs / 1000);
        say(`${source} is mounted on ${target} in the container`, {
          event: 'mount.made',
          target,
          mountId,
          tookMs,
        });
        return mountId;
      } catch (thrown) {
        metrics.mount('mount', 'failed', since(begun) / 1000);
        say(errorMessage(thrown), { event: 'mount.failed', target, ...codeOf(thrown) });
        throw thrown;
      }
    },
    async unmount(from, target, mountId) {
      const begun = performance.now();
      try {
        await mounter.unmount(from, target, mountId);
        const tookMs = since(begun);
        metrics.mount('unmount', 'done', tookMs / 1000);
        say(`${target} is unmounted in the container`, { event: 'mount.removed', target, mountId, tookMs });
      } catch (thrown) {
        metrics.mount('unmount', 'failed', since(begun) / 1000);
        say(errorMessage(thrown), { event: 'unmount.failed', target, mountId, ...codeOf(thrown) });
        throw thrown;
      }
    },
  };
}

/** A store whose commits are measured. */
export function observedStore(store: Store, metrics: Metrics): Store {
  return {
    ...store,
    async commit(make) {
      const begun = performance.now();
      try {
        await store.commit(make);
        metrics.commit('done', since(begun) / 1000);
      } catch (thrown) {
        metrics.commit('failed', since(begun) / 1000);
        throw thrown;
      }
    },
  };
}

/** Milliseconds, to the microsecond. */
const since = (begun: number): number => Math.round((performance.now() - begun) * 1000) / 1000;

const codeOf = (thrown: unknown) => (thrown instanceof Refused ? { code: thrown.code } : {});
