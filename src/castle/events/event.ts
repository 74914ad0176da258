/** How much a happening matters, as pino names it. */
export type EventLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Everything that the castle tells of, by the stable name under which the log, the metrics and `castle events` have it,
 * and how much each matters.
 */
export const eventLevels = {
  note: 'info',
  'castle.serving': 'info',
  'castle.stopping': 'info',
  'castle.stopped': 'info',
  'castle.fault': 'error',
  // Debug: whoever may connect may ask as often as it likes, and would fill the log.
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
  // Debug: whoever reaches the port may fail as often as it likes.
  'tls.handshake-failed': 'debug',
  'tls.certificate-expires': 'warn',
  'mount.created': 'info',
  // Debug: the refusal that follows is told, as often as is good for the log.
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
  // Debug: mostly it has nothing to tell.
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

/** What a happening is about. Chosen field by field, so that nothing secret gets in by accident. */
export interface EventFields {
  readonly event: EventName;
  readonly volume?: string;
  /** The runtime's id of the container. */
  readonly container?: string;
  readonly containerName?: string;
  readonly lease?: string;
  /** Its id. */
  readonly snapshot?: string;
  readonly target?: string;
  readonly mountId?: number;
  /** A refusal's code, or a failed step's error. */
  readonly code?: string;
  readonly remedy?: string;
  /** How long it took, in milliseconds. */
  readonly tookMs?: number;
  /** How many of them one line stands for. */
  readonly count?: number;
}

/** Something that happened, with a sentence for people. */
export interface CastleEvent extends EventFields {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly message: string;
}

/** Tells of something in one line; without facts it is a note. */
export type EmitEvent = (message: string, facts?: EventFields) => void;

/** Tells everybody who listens, in their order. */
export function broadcastEvents(listeners: readonly ((happening: CastleEvent) => void)[]): EmitEvent {
  return (message, facts = { event: 'note' }) => {
    const happening = { time: new Date().toISOString(), ...facts, message };
    for (const listener of listeners) listener(happening);
  };
}
