import type { Command } from 'commander';
import type { Snapshot } from '../../protocol/contract.ts';
import { formatAge } from '../../terminal/duration.ts';
import { addQuery } from './ask-castle.ts';

/** `castle snapshots [VOLUME]`. */
export function addSnapshots(program: Command): void {
  const query = {
    name: 'snapshots [volume]',
    description: 'list the snapshots of all volumes, or of one',
    path: '/v1/snapshots',
    list: true,
    about: 'volume',
  };
  addQuery<readonly Snapshot[]>(program, query, (snapshots, nowMs) => {
    if (snapshots.length === 0) return { lines: ['no snapshots'] };
    const rows = snapshots.map(({ volume, taken, state, origin, id, note }) => [
      volume,
      formatAge(taken, nowMs),
      state,
      origin,
      id,
      note ?? '-',
    ]);
    return { table: [['VOLUME', 'AGE', 'STATE', 'ORIGIN', 'SNAPSHOT', 'NOTE'], ...rows] };
  });
}
