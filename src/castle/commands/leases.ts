import type { Command } from 'commander';
import type { Lease } from '../../protocol/contract.ts';
import { inColumns } from '../../terminal/columns.ts';
import { addQuestion } from './ask-castle.ts';

/** `castle leases`: which container has which volume. */
export function addLeases(program: Command): void {
  const question = {
    name: 'leases',
    description: 'list which container has which volume',
    path: '/v1/leases',
    list: true,
  };
  addQuestion<readonly Lease[]>(program, question, (leases) =>
    leases.length === 0
      ? ['no leases']
      : inColumns([
          ['VOLUME', 'CONTAINER', 'TARGET', 'MODE', 'STATE', 'SINCE', 'LEASE'],
          ...leases.map(({ volume, containerName, target, readonly, shared, state, since, id }) => [
            volume,
            containerName,
            target,
            readonly === true ? 'ro' : shared === true ? 'shared' : 'rw',
            state,
            since,
            id,
          ]),
        ]),
  );
}
