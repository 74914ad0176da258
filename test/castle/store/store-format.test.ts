/** Stores that another release of the castle wrote. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import t from 'tap';
import { migrateStore, storeFormat } from '../../../src/castle/store/migrate-store.ts';
import { roomMaker } from '../../../src/castle/store/store-room.ts';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { requires, root } from '../../kit/needs.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { snapshotsOf } from '../snapshots/snapshot-host.ts';

/** Writes records into a store as an earlier or later castle did. */
async function write(state: string, tables: Readonly<Record<string, readonly { readonly id: string }[]>>) {
  mkdirSync(state, { recursive: true });
  const store = open({ path: join(state, 'castle.lmdb'), encoding: 'json', overlappingSync: false });
  for (const [name, records] of Object.entries(tables)) {
    const table = store.openDB<unknown, string>({ name, encoding: 'json' });
    for (const record of records) table.putSync(record.id, record);
  }
  await store.close();
}

async function readFormat(state: string): Promise<unknown> {
  const store = open({ path: join(state, 'castle.lmdb'), encoding: 'json', readOnly: true });
  const format = store.openDB<unknown, string>({ name: 'format', encoding: 'json' }).get('format');
  await store.close();
  return format;
}

t.test('the leases of format 1 are migrated', async (t) => {
  const state = join(temporaryFolder(t, 'format'), 'state');
  const plain = { id: 'a', volume: 'main', target: '/data' };
  const asked = '2026-01-01T00:00:00.000Z';
  const ofEngine = { ...plain, id: 'b', engine: { asked, seen: true } };
  await write(state, { leases: [plain, ofEngine] });
  const file = join(state, 'castle.lmdb');
  const store = open({ path: file, encoding: 'json', overlappingSync: false });
  migrateStore(store, file, roomMaker(store, file));
  const leases = store.openDB<unknown, string>({ name: 'leases', encoding: 'json' });
  t.same(leases.get('a'), plain);
  t.same(leases.get('b'), { ...plain, id: 'b', engine: { requested: asked, seen: true } });
  await store.close();
});

if (requires(t, root)) {
  t.test('a store of format 1 is migrated when the castle starts', async (t) => {
    const state = join(temporaryFolder(t, 'format'), 'state');
    // Records of another backend, which the castle lists and does not change.
    const same = { volume: 'main', backend: 'loop', note: 'before the upgrade' };
    const old = [
      { id: 'a', state: 'kept', origin: 'asked', taken: '2026-01-01T00:00:00.000Z' },
      { id: 'b', state: 'kept', origin: 'scheduled', taken: '2026-01-02T00:00:00.000Z', isCopied: true },
      {
        id: 'c',
        state: 'kept',
        origin: 'scheduled',
        taken: '2026-01-03T00:00:00.000Z',
        isCopyUnwanted: true,
      },
      { id: 'd', state: 'removing', origin: 'found', taken: '2026-01-04T00:00:00.000Z' },
      { id: 'e', state: 'taking', origin: 'fetched', taken: '2026-01-05T00:00:00.000Z', isCopied: true },
    ];
    await write(state, { snapshots: old.map((record) => ({ ...same, ...record })) });
    const castle = await CastleOnHost.start(t, 'process', { state });
    const migrated = [
      { id: 'a', state: 'ready', origin: 'manual', offHostCopy: 'none' },
      { id: 'b', state: 'ready', origin: 'scheduled', offHostCopy: 'copied' },
      { id: 'c', state: 'ready', origin: 'scheduled', offHostCopy: 'unwanted' },
      { id: 'd', state: 'deleting', origin: 'adopted', offHostCopy: 'none' },
      { id: 'e', state: 'taking', origin: 'fetched', offHostCopy: 'copied' },
    ].map((record, n) => ({ ...same, taken: old[n]?.taken, ...record }));
    t.same(await snapshotsOf(castle), migrated);
    await castle.end('SIGTERM');
    t.same(await readFormat(state), { id: 'format', number: storeFormat });
    await castle.serve();
    t.same(await snapshotsOf(castle), migrated, 'the next start changes nothing');
  });

  t.test('a store of a newer castle is refused and left as it is', async (t) => {
    const folder = temporaryFolder(t, 'format');
    const state = join(folder, 'state');
    const format = { id: 'format', number: storeFormat + 1 };
    await write(state, { format: [format], later: [{ id: 'later' }] });
    const { code, stderr } = await run(process.execPath, [
      ...['dist/castle.js', 'serve', '--socket', join(folder, 'run/castle.sock'), '--state', state],
      ...['--backend', `local=${join(folder, 'volumes')}`, '--runtime', 'process'],
    ]);
    t.match(
      { code, stderr },
      {
        code: 78,
        stderr:
          /^castle: the castle's state .*castle\.lmdb has format 3, and this castle reads formats up to 2; start /,
      },
    );
    t.same(await readFormat(state), format);
  });
}
