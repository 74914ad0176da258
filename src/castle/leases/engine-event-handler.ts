import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent, EventName } from '../events/event.ts';
import type { ContainerEvent, EngineListener } from '../runtimes/runtime.ts';
import type { LeaseRecord } from '../store/store.ts';
import type { ContainerWatch } from './container-watch.ts';

/** For each kind of engine event: the name of the castle's event, and the verb in its message. */
const words: Record<ContainerEvent['kind'], { readonly event: EventName; readonly verb: string }> = {
  died: { event: 'container.died', verb: 'has ended' },
  stopped: { event: 'container.stopped', verb: 'was stopped' },
  killed: { event: 'container.killed', verb: 'was sent a signal' },
  oom: { event: 'container.oom', verb: 'ran out of memory' },
  destroyed: { event: 'container.destroyed', verb: 'was removed' },
  paused: { event: 'container.paused', verb: 'is paused and keeps its storage' },
  resumed: { event: 'container.resumed', verb: 'runs again' },
};

/**
 * Handles the events of the container engine. The pidfd of a container's first process usually reports its end before
 * the engine does; the engine's event catches an end that the pidfd has not reported. When the two disagree, the lease
 * stays and the disagreement is logged.
 */
export function engineEventHandler(watch: ContainerWatch, emit: EmitEvent): EngineListener {
  async function endReported(isReported: (lease: LeaseRecord) => boolean, source: string): Promise<void> {
    try {
      for (const { volume, container, containerName, id } of await watch.endReported(isReported)) {
        emit(
          `${source} that container ${containerName} has ended, but its first process is alive: the lease stays`,
          {
            event: 'container.unresolved',
            volume,
            container,
            containerName,
            lease: id,
          },
        );
      }
    } catch (thrown) {
      emit(`leases could not be compared with the engine: ${errorMessage(thrown)}`, {
        event: 'container.unresolved',
      });
    }
  }

  return {
    event({ kind, id, name, volume, detail, atMs }) {
      const { event, verb } = words[kind];
      const suffix = detail === undefined ? '' : `, ${kind === 'died' ? 'exit code' : 'signal'} ${detail}`;
      emit(`container ${name} ${verb}${suffix}`, {
        event,
        container: id,
        containerName: name,
        ...(volume === undefined ? {} : { volume }),
      });
      if (kind !== 'died' && kind !== 'destroyed') return;
      // A lease that began after the event belongs to a later run of the same container.
      const isReported = (lease: LeaseRecord) => lease.container === id && Date.parse(lease.since) <= atMs;
      void endReported(isReported, 'the engine reports');
    },
    running(ids, atMs) {
      const isReported = (lease: LeaseRecord) => !ids.has(lease.container) && Date.parse(lease.since) <= atMs;
      void endReported(isReported, "the engine's list of containers shows");
    },
    connected: () =>
      emit('the castle is connected to the container engine and receives its events', {
        event: 'engine.connected',
      }),
    disconnected: (reason) =>
      emit(`the container engine cannot be reached: ${reason}`, {
        event: 'engine.disconnected',
        remedy:
          'start the engine or repair it; leases stay as they are, and new requests are refused until the engine answers',
      }),
  };
}
