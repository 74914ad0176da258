import { volumeLabel } from './labels.ts';

/** How engines that serve Docker's API differ from each other. */
export interface EngineDialect {
  /** The runtime's name. */
  readonly name: 'docker' | 'podman';
  /** The filters of its event stream: only events that matter to a lease. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

/** The names of these events in each engine. */
export const dialects = {
  docker: {
    name: 'docker',
    filters: {
      type: ['container'],
      event: ['die', 'stop', 'kill', 'oom', 'destroy', 'pause', 'unpause'],
      label: [volumeLabel],
    },
  },
  // Podman expects its own names in the filter, and reports Docker's names except for `remove`. It filters by a label only
  // together with its value (4.3), so the events of all containers arrive, and readEvent ignores those without the label.
  podman: {
    name: 'podman',
    filters: { type: ['container'], event: ['died', 'stop', 'kill', 'oom', 'remove', 'pause', 'unpause'] },
  },
} as const satisfies Record<string, EngineDialect>;
