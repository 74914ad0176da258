import { volumeNamePattern } from '../../volume-name.ts';
import { Refused } from '../refused.ts';
import { parseSize } from '../size.ts';
import type { Container } from './runtime.ts';

/** The label with which the orchestrator gives a container its volume. */
export const volumeLabel = 'castle.volume';

/** What the orchestrator gives a container by its labels. */
export type Granted = Pick<Container, 'readonly' | 'sizeBytes'> & { readonly volumes: readonly string[] };

/**
 * Reads the labels of a container: `castle.volume`, `castle.readonly` and `castle.size`. A volume's name that is none gives
 * nothing; what can't be understood of the others is never guessed.
 * @throws Refused not_permitted
 */
export function readLabels(container: string, labels: Readonly<Record<string, unknown>>): Granted {
  const volume = labels[volumeLabel];
  const readonly = labels['castle.readonly'] ?? 'false';
  const size = labels['castle.size'];
  if (readonly !== 'true' && readonly !== 'false') {
    throw wrongLabel(container, 'castle.readonly', readonly, 'true or false');
  }
  const sizeBytes = typeof size === 'string' ? parseSize(size) : undefined;
  if (size !== undefined && sizeBytes === undefined) {
    throw wrongLabel(container, 'castle.size', size, 'a number and K, M, G or T, as in 20G');
  }
  return {
    volumes: typeof volume === 'string' && volumeNamePattern.test(volume) ? [volume] : [],
    readonly: readonly === 'true',
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  };
}

function wrongLabel(container: string, label: string, value: unknown, right: string): Refused {
  return new Refused(
    'not_permitted',
    `container ${container} has the label ${label}=${JSON.stringify(value)}`,
    `start it with ${right}`,
  );
}
