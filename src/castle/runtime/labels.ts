import { volumeNamePattern } from '../../volume-name.ts';
import { Refused } from '../refused.ts';
import { parseSize } from '../size.ts';
import type { Container } from './runtime.ts';

/** The label with which the orchestrator gives a container its volume. */
export const volumeLabel = 'castle.volume';

/** A snapshot's id, or the last one of a volume. */
const snapshotPattern =
  /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|latest:[A-Za-z0-9][A-Za-z0-9_.-]{0,127})$/;

/** What the orchestrator gives a container by its labels. */
export type Granted = Pick<Container, 'readonly' | 'sizeBytes' | 'snapshot'> & {
  readonly volumes: readonly string[];
};

/**
 * Reads the labels of a container: `castle.volume`, `castle.readonly`, `castle.size` and `castle.snapshot`. A volume's name
 * that is none gives nothing; what can't be understood of the others is never guessed.
 * @throws Refused not_permitted
 */
export function readLabels(container: string, labels: Readonly<Record<string, unknown>>): Granted {
  const volume = labels[volumeLabel];
  const readonly = labels['castle.readonly'] ?? 'false';
  const size = labels['castle.size'];
  const snapshot = labels['castle.snapshot'];
  if (readonly !== 'true' && readonly !== 'false') {
    throw wrongLabel(container, 'castle.readonly', readonly, 'true or false');
  }
  const sizeBytes = typeof size === 'string' ? parseSize(size) : undefined;
  if (size !== undefined && sizeBytes === undefined) {
    throw wrongLabel(container, 'castle.size', size, 'a number and K, M, G or T, as in 20G');
  }
  if (snapshot !== undefined && (typeof snapshot !== 'string' || !snapshotPattern.test(snapshot))) {
    throw wrongLabel(container, 'castle.snapshot', snapshot, "a snapshot's id, or latest: and a volume");
  }
  return {
    volumes: typeof volume === 'string' && volumeNamePattern.test(volume) ? [volume] : [],
    readonly: readonly === 'true',
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(snapshot === undefined ? {} : { snapshot }),
  };
}

function wrongLabel(container: string, label: string, value: unknown, right: string): Refused {
  return new Refused(
    'not_permitted',
    `container ${container} has the label ${label}=${JSON.stringify(value)}`,
    `start it with ${right}`,
  );
}
