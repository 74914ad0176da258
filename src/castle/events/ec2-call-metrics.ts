import type { Told } from '../aws/ec2-client.ts';
import type { EmitEvent } from './event.ts';
import type { Metrics } from './metrics.ts';

/** A throttled action is told of at most this often, in milliseconds: the metrics have the number. */
const quietMs = 60_000;

/** Counts the calls of EC2's API, and tells when EC2 slows the castle down. */
export function ec2Calls(metrics: Metrics, emit: EmitEvent): Told {
  const lastMs = new Map<string, number>();
  return (action, outcome, error) => {
    metrics.ec2Call(action, outcome);
    const nowMs = performance.now();
    if (outcome !== 'throttled' || nowMs - (lastMs.get(action) ?? -quietMs) < quietMs) return;
    lastMs.set(action, nowMs);
    emit(`EC2 slows down ${action}: the account has too many calls; it is tried again`, {
      event: 'ec2.throttled',
      ...(error === undefined ? {} : { code: error }),
    });
  };
}
