import type { Lease } from '../../protocol/contract.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent, EventName } from '../events/event.ts';
import type { ContainerEvent, EngineListener } from '../runtimes/runtime.ts';
import type { LeaseService } from './lease-service.ts';

/** How the log calls what the engine tells, and how a sentence does. */
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
 * What the ledger makes of the engine's words. The pidfd of a container's first process is the first witness of its end
 * and usually comes before the engine; the engine is the second, for an end that the first has not told. Where they
 * disagree the lease stays, and people are told.
 */
export function engineEventHandler(ledger: LeaseService, emit: EmitEvent): EngineListener {
  async function check(isSaid: (lease: Lease) => boolean, who: string): Promise<void> {
    try {
      for (const { volume, container, containerName, id } of await ledger.checkEnded(isSaid)) {
        emit(
          `${who} that container ${containerName} has ended, but its first process lives: its lease stays`,
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
      const more = detail === undefined ? '' : `, ${kind === 'died' ? 'exit code' : 'signal'} ${detail}`;
      emit(`container ${name} ${verb}${more}`, {
        event,
        container: id,
        containerName: name,
        ...(volume === undefined ? {} : { volume }),
      });
      if (kind !== 'died' && kind !== 'destroyed') return;
      // A lease from after the event is of a later life of the same container, which was started again.
      void check((lease) => lease.container === id && Date.parse(lease.since) <= atMs, 'the engine says');
    },
    running(ids, atMs) {
      const isSaid = (lease: Lease) => !ids.has(lease.container) && Date.parse(lease.since) <= atMs;
      void check(isSaid, "the engine's list says");
    },
    found: () => emit('the events of the container engine arrive', { event: 'engine.connected' }),
    lost: (why) =>
      emit(`the container engine is not to be reached: ${why}`, {
        event: 'engine.disconnected',
        remedy: 'leases stay as they are; new requests are refused until it is back',
      }),
  };
}
