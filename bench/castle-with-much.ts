/** What a castle costs that has many volumes and leases: memory, and the time of its start. */
import { Asker, RunningCastle } from './running-castle.ts';
import { median } from './sample.ts';
import type { BenchOptions } from './section.ts';
import type { Row, Table } from './table.ts';

/** @returns a row for an empty castle and one for a full one */
export async function castleWithMuch({ quick, say }: BenchOptions): Promise<Table> {
  const [volumes, leases, rounds] = quick ? [100, 10, 1] : [1000, 100, 5];
  const rows: Row[] = [];
  await RunningCastle.with('local=DIR', async (castle) => {
    say('starts of an empty castle');
    rows.push(await starts('empty', false, castle, rounds));
    say(`a castle with ${volumes} volumes and ${leases} leases`);
    for (let n = 0; n < volumes; n++) {
      await castle.call('POST', '/v1/volumes', { name: `volume-${n}`, uid: 0, gid: 0 });
    }
    rows.push(await starts(`${volumes} volumes`, true, castle, rounds));
    const askers: Asker[] = [];
    for (let n = 0; n < leases; n++) {
      const asker = await Asker.start(castle);
      const [target = ''] = asker.targets(1, `lease-${n}`);
      if ((await asker.ask(target, `volume-${n}`)) === undefined) throw new Error('a volume was refused');
      askers.push(asker);
    }
    rows.push(await starts(`${volumes} volumes, ${leases} leases`, true, castle, rounds));
    await Promise.all(askers.map((asker) => asker.end()));
  });
  return {
    title: 'castle: what many volumes and leases cost',
    columns: [
      { name: 'start ms', digits: 0 },
      { name: 'resident KB', digits: 0 },
    ],
    rows,
    notes: [
      'After kill -9, from the start of the process until it answers; medians. Each lease is that of a container.',
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
