import type { Command } from 'commander';
import type { SnapshotCopy } from '../../protocol/contract.ts';
import { formatAge } from '../../terminal/duration.ts';
import { roundSize } from '../../terminal/size.ts';
import { addQuery } from './ask-castle.ts';

/** `castle copies [VOLUME]`: the copies of snapshots that are stored off this host. */
export function addCopies(program: Command): void {
  const query = {
    name: 'copies [volume]',
    description: 'list the copies of snapshots that are stored off this host, of all volumes or of one',
    path: '/v1/copies',
    list: true,
    about: 'volume',
  };
  addQuery<readonly SnapshotCopy[]>(program, query, (copies, nowMs) => {
    if (copies.length === 0) return { lines: ['no copies'] };
    const rows = copies.map(({ volume, taken, format, bytes, id }) => [
      volume,
      formatAge(taken, nowMs),
      format,
      roundSize(bytes),
      id,
    ]);
    return { table: [['VOLUME', 'AGE', 'FORMAT', 'SIZE', 'SNAPSHOT'], ...rows] };
  });
}
