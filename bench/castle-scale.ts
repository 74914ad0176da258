/** A castle with many volumes and leases: its memory, and the time of its start. */
import { LeaseClient, RunningCastle } from './running-castle.ts';
import { median } from './sample.ts';
import type { BenchOptions } from './section.ts';
import type { Row, Table } from './table.ts';

/** @returns one row each for an empty castle, a castle with volumes, and a castle with volumes and leases */
export async function castleScale({ quick, reportProgress }: BenchOptions): Promise<Table> {
  const [volumes, leases, rounds] = quick ? [100, 10, 1] : [1000, 100, 5];
  const rows: Row[] = [];
  await RunningCastle.with('local=DIR', async (castle) => {
    reportProgress('starts of an empty castle');
    rows.push(await starts('empty', false, castle, rounds));
    reportProgress(`a castle with ${volumes} volumes and ${leases} leases`);
    for (let n = 0; n < volumes; n++) {
      await castle.call('POST', '/v1/volumes', { name: `volume-${n}`, uid: 0, gid: 0 });
    }
    rows.push(await starts(`${volumes} volumes`, true, castle, rounds));
    const clients: LeaseClient[] = [];
    for (let n = 0; n < leases; n++) {
      const client = await LeaseClient.start(castle);
      const [target = ''] = client.targets(1, `lease-${n}`);
      if ((await client.request(target, `volume-${n}`)) === undefined)
        throw new Error('a volume was refused');
      clients.push(client);
    }
    rows.push(await starts(`${volumes} volumes, ${leases} leases`, true, castle, rounds));
    await Promise.all(clients.map((client) => client.end()));
  });
  return {
    title: 'castle: the cost of many volumes and leases',
    columns: [
      { name: 'start ms', digits: 0 },
      { name: 'resident KB', digits: 0 },
    ],
    rows,
    notes: [
      'After kill -9, from the start of the process until it answers; medians. Each lease belongs to a container.',
    ],
  };
}

async function starts(name: string, ours: boolean, castle: RunningCastle, rounds: number): Promise<Row> {
  const [times, sizes]: [number[], number[]] = [[], []];
  for (let n = 0; n < rounds; n++) {
    await castle.end('SIGKILL');
    times.push(await castle.start());
    sizes.push(castle.residentKb());
  }
  return { name, ours, values: [median(times), median(sizes)] };
}
