import { volumeLabel } from './labels.ts';
import type { ContainerEvent } from './runtime.ts';

/** The engine's names of events, and the castle's. */
const kinds: Readonly<Record<string, ContainerEvent['kind']>> = {
  die: 'died',
  stop: 'stopped',
  kill: 'killed',
  oom: 'oom',
  destroy: 'destroyed',
  remove: 'destroyed', // Podman
  pause: 'paused',
  unpause: 'resumed',
};

/**
 * Reads one line of the engine's stream: Docker's `GET /events`, which Podman serves alike.
 * @returns the event, with a key by which a repeated event is recognized; undefined for other events, and for containers without
 *   the label castle.volume
 */
export function readEvent(
  line: string,
): { readonly event: ContainerEvent; readonly key: string } | undefined {
  const { Action: action, Actor: actor, timeNano, time } = fieldsOf(parsed(line));
  const { ID: id, Attributes: attributes } = fieldsOf(actor);
  const kind = typeof action === 'string' && Object.hasOwn(kinds, action) ? kinds[action] : undefined;
  if (kind === undefined || typeof id !== 'string') return undefined;
  const { name, exitCode, signal, [volumeLabel]: volume } = fieldsOf(attributes);
  if (volume === undefined) return undefined;
  const atMs = typeof timeNano === 'number' ? timeNano / 1e6 : typeof time === 'number' ? time * 1000 : 0;
  const detail = kind === 'died' ? exitCode : kind === 'killed' ? signal : undefined;
  return {
    key: `${String(timeNano ?? time)} ${id} ${action}`,
    event: {
      kind,
      id,
      name: typeof name === 'string' ? name : id.slice(0, 12),
      ...(typeof volume === 'string' ? { volume } : {}),
      ...(typeof detail === 'string' ? { detail } : {}),
      atMs,
    },
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
