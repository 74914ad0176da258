import { volumeLabel } from './labels.ts';

/** How an engine that serves Docker's API differs from the next one. */
export interface EngineDialect {
  /** The runtime's name. */
  readonly name: 'docker' | 'podman';
  /** What is asked for in its stream of events: only what can matter to a lease. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

/** How each engine calls what the castle wants to hear. */
export const dialects = {
  docker: {
    name: 'docker',
    filters: {
      type: ['container'],
      event: ['die', 'stop', 'kill', 'oom', 'destroy', 'pause', 'unpause'],
      label: [volumeLabel],
    },
  },
  // Podman asks for its own names and tells by Docker's, but for `remove`. It finds a label only with its value (4.3), so
  // all containers' events come, and those without the label are left out here.
  podman: {
    name: 'podman',
    filters: { type: ['container'], event: ['died', 'stop', 'kill', 'oom', 'remove', 'pause', 'unpause'] },
  },
} as const satisfies Record<string, EngineDialect>;
