/** The severity of an event, as pino names it. */
export type EventLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Every event that the castle emits, with its severity. The names are stable: the log, the metrics and `castle events` use
 * them.
 */
export const eventLevels = {
  note: 'info',
  'castle.serving': 'info',
  'castle.stopping': 'info',
  'castle.stopped': 'info',
  'castle.fault': 'error',
  // Debug: any container can send requests as often as it likes, and would fill the log.
  'lease.requested': 'debug',
  'lease.reused': 'debug',
  'lease.waiting': 'debug',
  'lease.granted': 'info',
  'lease.refused': 'warn',
  'lease.released': 'info',
  'lease.ended': 'info',
  'lease.adopted': 'info',
  'lease.unresolved': 'warn',
  'lease.hung': 'warn',
  'token.created': 'info',
  // Debug: any client that reaches the port can cause these events, and could fill the log.
  'tls.handshake-failed': 'debug',
  'tls.certificate-expires': 'warn',
  'mount.created': 'info',
  // Debug: the refusal that follows is logged, at a limited rate.
  'mount.failed': 'debug',
  'mount.removed': 'info',
  'mount.idmap-failed': 'warn',
  'unmount.failed': 'debug',
  'grow.failed': 'debug',
  'reconcile.done': 'info',
  'reconcile.corrected': 'warn',
  'reconcile.checked': 'debug',
  'volume.created': 'info',
  'volume.grown': 'info',
  'volume.repaired': 'warn',
  'volume.unresolved': 'warn',
  'volume.deleted': 'info',
  'volume.restored': 'info',
  'volume.purged': 'info',
  'device.detached': 'info',
  'device.busy': 'warn',
  'device.name-avoided': 'warn',
  'ec2.throttled': 'warn',
  'snapshot.taken': 'info',
  'snapshot.failed': 'warn',
  'snapshot.restored': 'info',
  'snapshot.removed': 'info',
  'snapshot.adopted': 'info',
  'snapshot.copied': 'info',
  'snapshot.fetched': 'info',
  'copy.failed': 'warn',
  'copy.removed': 'info',
  'snapshot.unresolved': 'warn',
  'volume.unlocked': 'warn',
  'backend.available': 'info',
  'backend.unavailable': 'warn',
  'gc.found': 'warn',
  'gc.removed': 'info',
  'gc.failed': 'warn',
  // Debug: most runs change nothing.
  'gc.done': 'debug',
  'engine.connected': 'info',
  'engine.disconnected': 'warn',
  'container.died': 'info',
  'container.oom': 'warn',
  'container.killed': 'info',
  'container.stopped': 'info',
  'container.paused': 'info',
  'container.resumed': 'info',
  'container.destroyed': 'info',
  'container.unresolved': 'warn',
  'events.dropped': 'warn',
} as const satisfies Record<string, EventLevel>;

export type EventName = keyof typeof eventLevels;

/** The fields of an event, listed one by one, so that no secret gets in by accident. */
export interface EventFields {
  readonly event: EventName;
  readonly volume?: string;
  /** The id that the runtime gave the container. */
  readonly container?: string;
  readonly containerName?: string;
  readonly lease?: string;
  /** The id of the snapshot. */
  readonly snapshot?: string;
  readonly target?: string;
  readonly mountId?: number;
  /** The code of a refusal, or the error of a failed step. */
  readonly code?: string;
  readonly remedy?: string;
  /** The duration, in milliseconds. */
  readonly tookMs?: number;
  /** The number of occurrences that this event summarizes. */
  readonly count?: number;
}

/** An event with its time, level and message. */
export interface CastleEvent extends EventFields {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly message: string;
}

/**
 * Emits an event.
 * @param message one line of text
 * @param fields without them, the event is a `note`
 */
export type EmitEvent = (message: string, fields?: EventFields) => void;

/** Sends every event to all listeners, in their order. */
export function broadcastEvents(listeners: readonly ((event: CastleEvent) => void)[]): EmitEvent {
  return (message, fields = { event: 'note' }) => {
    const event = { time: new Date().toISOString(), ...fields, message };
    for (const listener of listeners) listener(event);
  };
}
