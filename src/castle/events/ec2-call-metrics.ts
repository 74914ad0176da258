import type { OnEc2Call } from '../aws/ec2-client.ts';
import type { EmitEvent } from './event.ts';
import type { Metrics } from './metrics.ts';

/** The shortest time between two events about the same throttled action, in milliseconds; the metrics count all. */
const quietMs = 60_000;

/** Counts the calls of the EC2 API, and emits an event when EC2 throttles them. */
export function ec2Calls(metrics: Metrics, emit: EmitEvent): OnEc2Call {
  const lastMs = new Map<string, number>();
  return (action, outcome, error) => {
    metrics.ec2Call(action, outcome);
    const nowMs = performance.now();
    if (outcome !== 'throttled' || nowMs - (lastMs.get(action) ?? -quietMs) < quietMs) return;
    lastMs.set(action, nowMs);
    emit(`EC2 throttles ${action}: the account makes too many calls; the call is retried`, {
      event: 'ec2.throttled',
      ...(error === undefined ? {} : { code: error }),
    });
  };
}
