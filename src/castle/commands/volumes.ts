import type { Command } from 'commander';
import type { DeletedVolume, Volume } from '../../protocol/contract.ts';
import { inColumns } from '../../terminal/columns.ts';
import { addQuestion } from './ask-castle.ts';

/** `castle volumes`: all volumes, and which are in use. */
export function addVolumes(program: Command): void {
  const question = { name: 'volumes', description: 'list the volumes', path: '/v1/volumes', list: true };
  addQuestion<readonly Volume[]>(program, question, (volumes) =>
    volumes.length === 0
      ? ['no volumes']
      : inColumns([
          ['VOLUME', 'BACKEND', 'STATE', 'SHARED', 'CREATED', 'LEASES'],
          ...volumes.map(({ name, backend, state, shared, created, leases }) => [
            name,
            backend,
            state,
            shared === true ? 'yes' : '-',
            created,
            leases.length === 0 ? '-' : leases.join(','),
          ]),
        ]),
  );
}

/** `castle deleted`: what can be restored. */
export function addDeleted(program: Command): void {
  const question = {
    name: 'deleted',
    description: 'list the deleted volumes that can be restored',
    path: '/v1/volumes/deleted',
    list: true,
  };
  addQuestion<readonly DeletedVolume[]>(program, question, (volumes) =>
    volumes.length === 0
      ? ['no deleted volumes']
      : inColumns([
          ['VOLUME', 'BACKEND', 'CREATED', 'DELETED'],
          ...volumes.map(({ name, backend, created, deleted }) => [name, backend, created, deleted]),
        ]),
  );
}
