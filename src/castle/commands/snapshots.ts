import type { Command } from 'commander';
import type { Snapshot } from '../../protocol/contract.ts';
import { inColumns } from '../../terminal/columns.ts';
import { addQuestion } from './ask-castle.ts';

/** `castle snapshots [VOLUME]`: what volumes had at other times. */
export function addSnapshots(program: Command): void {
  const question = {
    name: 'snapshots [volume]',
    description: 'list the snapshots of all volumes, or of one',
    path: '/v1/snapshots',
    list: true,
    about: 'volume',
  };
  addQuestion<readonly Snapshot[]>(program, question, (snapshots) =>
    snapshots.length === 0
      ? ['no snapshots']
      : inColumns([
          ['VOLUME', 'TAKEN', 'STATE', 'BY', 'SNAPSHOT', 'NOTE'],
          ...snapshots.map(({ volume, taken, state, origin, id, note }) => [
            volume,
            taken,
            state,
            origin,
            id,
            note ?? '-',
          ]),
        ]),
  );
}
