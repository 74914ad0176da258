import type { Command } from 'commander';
import type { DeletedVolume, Volume } from '../../protocol/contract.ts';
import { formatAge } from '../../terminal/duration.ts';
import { formatSize } from '../../terminal/size.ts';
import { addQuery } from './ask-castle.ts';

/** `castle volumes`: all volumes, and which are in use. */
export function addVolumes(program: Command): void {
  const query = { name: 'volumes', description: 'list the volumes', path: '/v1/volumes', list: true };
  addQuery<readonly Volume[]>(program, query, (volumes, nowMs) => {
    if (volumes.length === 0) return { lines: ['no volumes'] };
    const titles = ['VOLUME', 'BACKEND', 'STATE', 'SIZE', 'SHARED', 'AGE', 'LEASES'];
    const rows = volumes.map(({ name, backend, state, sizeBytes, shared, created, leases }) => [
      name,
      backend,
      state,
      sizeBytes === undefined ? '-' : formatSize(sizeBytes),
      shared === true ? 'yes' : '-',
      formatAge(created, nowMs),
      leases.length === 0 ? '-' : leases.join(','),
    ]);
    return { table: [titles, ...rows] };
  });
}

/** `castle deleted`: the volumes that can be restored. */
export function addDeleted(program: Command): void {
  const query = {
    name: 'deleted',
    description: 'list the deleted volumes that can be restored',
    path: '/v1/volumes/deleted',
    list: true,
  };
  addQuery<readonly DeletedVolume[]>(program, query, (volumes, nowMs) => {
    if (volumes.length === 0) return { lines: ['no deleted volumes'] };
    const rows = volumes.map(({ name, backend, created, deleted }) => [
      name,
      backend,
      formatAge(created, nowMs),
      `${formatAge(deleted, nowMs)} ago`,
    ]);
    return { table: [['VOLUME', 'BACKEND', 'AGE', 'DELETED'], ...rows] };
  });
}
