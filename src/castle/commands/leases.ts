import type { Command } from 'commander';
import type { Lease } from '../../protocol/contract.ts';
import { formatAge } from '../../terminal/duration.ts';
import { addQuery } from './ask-castle.ts';

/** `castle leases`: which container uses which volume. */
export function addLeases(program: Command): void {
  const query = {
    name: 'leases',
    description: 'list the leases: which container uses which volume',
    path: '/v1/leases',
    list: true,
  };
  addQuery<readonly Lease[]>(program, query, (leases, nowMs) => {
    if (leases.length === 0) return { lines: ['no leases'] };
    const titles = ['VOLUME', 'CONTAINER', 'TARGET', 'MODE', 'STATE', 'AGE', 'LEASE'];
    const rows = leases.map(({ volume, containerName, target, readonly, shared, state, since, id }) => {
      const mode = readonly === true ? 'ro' : shared === true ? 'shared' : 'rw';
      return [volume, containerName, target, mode, state, formatAge(since, nowMs), id];
    });
    return { table: [titles, ...rows] };
  });
}
