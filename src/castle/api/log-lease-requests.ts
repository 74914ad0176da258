import type { FastifyReply, FastifyRequest } from 'fastify';
import type { LeaseRequest } from '../../protocol/contract.ts';
import type { EmitEvent } from '../events/event.ts';
import type { Metrics } from '../events/metrics.ts';
import { RefusalLog } from '../events/refusal-log-limit.ts';
import type { LeaseAnswer } from '../leases/request-lease.ts';
import type { RefusalError } from '../refusals/refusal.ts';
import type { Container } from '../runtimes/runtime.ts';

interface RequestFields {
  readonly container: string;
  readonly containerName: string;
  readonly volume?: string;
  readonly target?: string;
}

/** Logs and measures the requests about leases. */
export class LeaseRequests {
  private readonly fields = new WeakMap<FastifyRequest, RequestFields>();
  private readonly refusals: RefusalLog;

  /** @param unidentified a phrase for the log, for a sender that is not identified */
  constructor(
    private readonly metrics: Metrics,
    private readonly emit: EmitEvent,
    private readonly unidentified: (request: FastifyRequest) => string = () => 'unidentified processes',
  ) {
    this.refusals = new RefusalLog(emit);
  }

  /** Records the identified sender of a request, and logs the request unless it is a release, which has no volume. */
  from(
    request: FastifyRequest,
    { id, name }: Container,
    { volume, target }: Partial<LeaseRequest> = {},
  ): void {
    const fields = {
      container: id,
      containerName: name,
      ...(volume === undefined ? {} : { volume }),
      ...(target === undefined ? {} : { target }),
    };
    this.fields.set(request, fields);
    if (volume === undefined) return;
    this.emit(`container ${name} requests volume ${volume}`, { event: 'lease.requested', ...fields });
  }

  granted(request: FastifyRequest, reply: FastifyReply, { lease, isNew, waited }: LeaseAnswer): void {
    this.metrics.request(waited ? 'waited' : isNew ? 'granted' : 'reused', reply.elapsedTime / 1000);
    if (isNew) return; // the lease service has emitted lease.granted
    const fields = this.fields.get(request);
    this.emit(`container ${lease.containerName} has the lease on volume ${lease.volume} already`, {
      event: 'lease.reused',
      lease: lease.id,
      ...fields,
    });
  }

  refused(request: FastifyRequest, reply: FastifyReply, refused: RefusalError): void {
    if (request.routeOptions.url?.startsWith('/v1/leases') !== true) return;
    if (request.method === 'POST') this.metrics.request(refused.code, reply.elapsedTime / 1000);
    const fields = this.fields.get(request);
    const { code, remedy } = refused;
    this.refusals.refused(fields?.container ?? this.unidentified(request), refused.sentence, {
      event: 'lease.refused',
      ...fields,
      code,
      remedy,
    });
  }

  close(): void {
    this.refusals.close();
  }
}
