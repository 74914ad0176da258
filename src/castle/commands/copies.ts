import type { Command } from 'commander';
import type { SnapshotCopy } from '../../protocol/contract.ts';
import { inColumns } from '../../terminal/columns.ts';
import { addQuestion } from './ask-castle.ts';

/** `castle copies [VOLUME]`: the snapshots that are off this host. */
export function addCopies(program: Command): void {
  const question = {
    name: 'copies [volume]',
    description: 'list the copies of snapshots off this host, of all volumes or of one',
    path: '/v1/copies',
    list: true,
    about: 'volume',
  };
  addQuestion<readonly SnapshotCopy[]>(program, question, (copies) =>
    copies.length === 0
      ? ['no copies']
      : inColumns([
          ['VOLUME', 'TAKEN', 'FORMAT', 'BYTES', 'SNAPSHOT'],
          ...copies.map(({ volume, taken, format, bytes, id }) => [volume, taken, format, String(bytes), id]),
        ]),
  );
}
