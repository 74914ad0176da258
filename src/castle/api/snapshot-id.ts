import { RefusalError } from '../refusals/refusal.ts';

/** The length of a snapshot's id, a UUID. */
const idLength = 36;
/** A shorter prefix would rarely be unique. */
const shortestPrefix = 4;

/**
 * Completes a shortened id of a snapshot, such as `523e051c`, or `523e051c-…` as in the documentation.
 * @param ids lists the ids of all snapshots; called only for a shortened id
 * @returns the only id with that prefix; the text itself when it is a complete id or `latest:VOLUME`, or no id has that prefix
 * @throws RefusalError bad_request when several ids have that prefix; its message lists them
 */
export async function completeSnapshotId(
  text: string,
  ids: () => readonly string[] | Promise<readonly string[]>,
): Promise<string> {
  const prefix = text.replace(/(\u2026|[.]{3})$/, '');
  if (text.length >= idLength || prefix.length < shortestPrefix || !/^[0-9a-f-]+$/.test(prefix)) return text;
  const matches = (await ids()).filter((id) => id.startsWith(prefix));
  if (matches.length <= 1) return matches[0] ?? text;
  throw new RefusalError(
    'bad_request',
    `snapshot id ${text} is ambiguous: ${matches.slice(0, 8).join(', ')}${matches.length > 8 ? ', …' : ''}`,
    'give more of the id',
  );
}
