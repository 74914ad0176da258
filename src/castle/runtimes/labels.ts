import { volumeNamePattern } from '../../protocol/volume-name.ts';
import { parseSize } from '../../terminal/size.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { parseIdLabel } from './idmap-label.ts';
import type { Container } from './runtime.ts';

/** The label by which the orchestrator permits a container to use a volume. */
export const volumeLabel = 'castle.volume';

/** The id of a snapshot, or the latest one of a volume. */
const snapshotPattern =
  /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|latest:[A-Za-z0-9][A-Za-z0-9_.-]{0,127})$/;

/** The properties of a container that the orchestrator sets by labels. */
export type Granted = Pick<Container, 'readonly' | 'shared' | 'sizeBytes' | 'idmap' | 'snapshot'> & {
  readonly volumes: readonly string[];
};

/**
 * Reads the labels of a container: `castle.volume`, `castle.readonly`, `castle.shared`, `castle.size`, `castle.idmap` and
 * `castle.snapshot`. An invalid volume name permits no volume; any other invalid value is refused.
 * @throws RefusalError not_permitted
 */
export function readLabels(container: string, labels: Readonly<Record<string, unknown>>): Granted {
  const volume = labels[volumeLabel];
  const size = labels['castle.size'];
  const snapshot = labels['castle.snapshot'];
  const sizeBytes = typeof size === 'string' ? parseSize(size) : undefined;
  if (size !== undefined && sizeBytes === undefined) {
    throw wrongLabel(container, 'castle.size', size, 'a number and K, M, G or T, as in 20G');
  }
  const ids = labels['castle.idmap'];
  const idmap = typeof ids === 'string' ? parseIdLabel(ids) : undefined;
  if (ids !== undefined && idmap === undefined) {
    throw wrongLabel(container, 'castle.idmap', ids, 'off, or DISK:SEEN:COUNT[,…] without overlaps');
  }
  if (snapshot !== undefined && (typeof snapshot !== 'string' || !snapshotPattern.test(snapshot))) {
    throw wrongLabel(container, 'castle.snapshot', snapshot, "a snapshot's id, or latest: and a volume");
  }
  return {
    volumes: typeof volume === 'string' && volumeNamePattern.test(volume) ? [volume] : [],
    readonly: isTrue(container, labels, 'castle.readonly'),
    shared: isTrue(container, labels, 'castle.shared'),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(idmap === undefined ? {} : { idmap }),
    ...(snapshot === undefined ? {} : { snapshot }),
  };
}

/** Whether a label is `true`; without the label, false. */
function isTrue(container: string, labels: Readonly<Record<string, unknown>>, label: string): boolean {
  const value = labels[label] ?? 'false';
  if (value === 'true' || value === 'false') return value === 'true';
  throw wrongLabel(container, label, value, 'true or false');
}

function wrongLabel(container: string, label: string, value: unknown, right: string): RefusalError {
  return new RefusalError(
    'not_permitted',
    `container ${container} has the label ${label}=${JSON.stringify(value)}`,
    `start it with a valid value: ${right}`,
  );
}
