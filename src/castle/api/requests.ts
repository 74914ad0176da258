import type { FastifyReply, FastifyRequest } from 'fastify';
import type { LeaseRequest } from '../../protocol/contract.ts';
import type { EmitEvent } from '../events/event.ts';
import type { Metrics } from '../events/metrics.ts';
import { RefusalLines } from '../events/refusal-log-limit.ts';
import type { LeaseAnswer } from '../leases/request-lease.ts';
import type { RefusalError } from '../refusals/refusal.ts';
import type { Container } from '../runtimes/runtime.ts';

interface Asked {
  readonly container: string;
  readonly containerName: string;
  readonly volume?: string;
  readonly target?: string;
}

/** Tells of requests for leases and measures them. */
export class LeaseRequests {
  private readonly asked = new WeakMap<FastifyRequest, Asked>();
  private readonly refusals: RefusalLines;

  /** @param stranger what a refused one is called in the log that isn't known */
  constructor(
    private readonly metrics: Metrics,
    private readonly emit: EmitEvent,
    private readonly stranger: (request: FastifyRequest) => string = () => 'those who are not known',
  ) {
    this.refusals = new RefusalLines(emit);
  }

  /** Who asks is known. @param wish what for; nothing when it gives something back */
  from(
    request: FastifyRequest,
    { id, name }: Container,
    { volume, target }: Partial<LeaseRequest> = {},
  ): void {
    const asked = {
      container: id,
      containerName: name,
      ...(volume === undefined ? {} : { volume }),
      ...(target === undefined ? {} : { target }),
    };
    this.asked.set(request, asked);
    if (volume === undefined) return;
    this.emit(`container ${name} asks for volume ${volume}`, { event: 'lease.requested', ...asked });
  }

  granted(request: FastifyRequest, reply: FastifyReply, { lease, isNew, waited }: LeaseAnswer): void {
    this.metrics.request(waited ? 'waited' : isNew ? 'granted' : 'reused', reply.elapsedTime / 1000);
    if (isNew) return; // the ledger has told of it
    const asked = this.asked.get(request);
    this.emit('has it already', { event: 'lease.reused', lease: lease.id, ...asked });
  }

  refused(request: FastifyRequest, reply: FastifyReply, refused: RefusalError): void {
    if (request.routeOptions.url?.startsWith('/v1/leases') !== true) return;
    if (request.method === 'POST') this.metrics.request(refused.code, reply.elapsedTime / 1000);
    const asked = this.asked.get(request);
    const { code, remedy } = refused;
    this.refusals.tell(asked?.container ?? this.stranger(request), refused.sentence, {
      event: 'lease.refused',
      ...asked,
      code,
      remedy,
    });
  }

  close(): void {
    this.refusals.close();
  }
}
