import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent, EventFields, EventName } from '../events/event.ts';
import type { Metrics } from '../events/metrics.ts';
import type { Mounter } from '../mounting/mounter.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Store } from '../store/store.ts';

/** Returns a mounter whose operations are measured and reported as events. */
export function observedMounter(mounter: Mounter, metrics: Metrics, emit: EmitEvent): Mounter {
  /** @param done reports success */
  async function observed<T>(
    operation: 'mount' | 'unmount' | 'grow',
    failed: EventName,
    about: Omit<EventFields, 'event'>,
    work: () => Promise<T>,
    done: (result: T, tookMs: number) => void,
  ): Promise<T> {
    const begun = performance.now();
    let result: T;
    try {
      result = await work();
    } catch (thrown) {
      metrics.mount(operation, 'failed', since(begun) / 1000);
      emit(errorMessage(thrown), { event: failed, ...about, ...codeOf(thrown) });
      throw thrown;
    }
    const tookMs = since(begun);
    metrics.mount(operation, 'done', tookMs / 1000);
    done(result, tookMs);
    return result;
  }

  const mounting = (source: string, target: string, mount: () => Promise<number>): Promise<number> =>
    observed('mount', 'mount.failed', { target }, mount, (mountId, tookMs) =>
      emit(`${source} is mounted at ${target} in the container`, {
        event: 'mount.created',
        target,
        mountId,
        tookMs,
      }),
    );

  return {
    mount: (into, source, target, options) =>
      mounting(source, target, () => mounter.mount(into, source, target, options)),
    mountImage: (into, image, target, options) =>
      mounting(image.path, target, () => mounter.mountImage(into, image, target, options)),
    mountNfs: (into, folder, target, options) =>
      mounting(folder.source, target, () => mounter.mountNfs(into, folder, target, options)),
    growImage: (into, image, device, target) =>
      observed(
        'grow',
        'grow.failed',
        { target },
        () => mounter.growImage(into, image, device, target),
        () => undefined, // the lease service reports it
      ),
    unmount: (from, target, mountId) =>
      observed(
        'unmount',
        'unmount.failed',
        { target, mountId },
        () => mounter.unmount(from, target, mountId),
        (_, tookMs) =>
          emit(`${target} is unmounted in the container`, {
            event: 'mount.removed',
            target,
            mountId,
            tookMs,
          }),
      ),
  };
}

/** Returns a store whose commits are measured. */
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

/** Returns the milliseconds since `begun`, with three decimal places. */
const since = (begun: number): number => Math.round((performance.now() - begun) * 1000) / 1000;

const codeOf = (thrown: unknown) => (thrown instanceof RefusalError ? { code: thrown.code } : {});
