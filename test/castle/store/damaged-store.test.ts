/**
 * A store whose file is damaged at random. A castle must refuse to open it, or open it with everything that was in it (the
 * damage is in pages that are not in use), and must never end by a signal, which LMDB's mapping of the file makes likely.
 * Reproduce a failure with SEED=NUMBER.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openState } from '../../../src/castle/store/open-state.ts';
import { openStore, type Store } from '../../../src/castle/store/store.ts';
import { Failure } from '../../../src/terminal/failure.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { Random } from '../../kit/random.ts';

/** Set in the process that opens the damaged stores, which a signal may end. */
const folderToOpen = process.env['OPEN_DAMAGED_STORES'];
const count = 400;
const pageBytes = 4096;
const sectorBytes = 512;
/** A bit in the flags of a page. */
const overflowFlag = 4;

const records = (store: Store) =>
  JSON.stringify([store.volumes(), store.leases(), store.trash(), store.tokenUses(), store.snapshots()]);

/** Fills a store in many commits, so that it has free pages, branch pages and values on pages of their own. */
async function fill(store: Store): Promise<void> {
  for (let round = 0; round < 40; round++) {
    await store.commit((changes) => {
      for (let n = 0; n < 10; n++) {
        const name = `volume-${(round * 7 + n * 13) % 90}`;
        if (n % 3 === 0) changes.removeVolume(name);
        else {
          const created = new Date(round * 1e6 + n).toISOString();
          changes.putVolume({ name, id: `${round}-${n}`, backend: 'local', state: 'ready', created });
        }
      }
      changes.putSnapshot({
        id: `snapshot-${round}`,
        volume: `volume-${round}`,
        backend: 'local',
        state: 'ready',
        taken: new Date(round * 1e6).toISOString(),
        origin: 'manual',
        offHostCopy: 'none',
        note: 'n'.repeat(round % 5 === 0 ? 3000 : 60),
      });
    });
  }
}

/** Damages a copy of the file in one to three places. */
function damage(good: Buffer, random: Random): Buffer {
  const upTo = (limit: number) => random.below(limit);
  const file = Buffer.from(good);
  const pages = good.length / pageBytes;
  for (let places = 1 + upTo(3); places > 0; places--) {
    const page = pageBytes * (upTo(4) === 0 ? upTo(2) : upTo(pages));
    const sector = page + sectorBytes * upTo(pageBytes / sectorBytes);
    // Of a page with one large value, only the header is damaged: a changed letter in the value cannot be detected.
    const header = page < 2 * pageBytes ? 168 : file.readUInt16LE(page + 18) === overflowFlag ? 24 : 80;
    const kinds = [
      () => file.writeUInt8(upTo(256), page + upTo(header)),
      () =>
        file.writeUInt16LE(
          [0, 1, 0xffff, upTo(pageBytes), upTo(pages)][upTo(5)] ?? 0,
          page + 2 * upTo(header / 2),
        ),
      () =>
        file.writeBigInt64LE(
          [0n, -1n, BigInt(upTo(pages)), 2n ** 40n][upTo(4)] ?? 0n,
          page + 8 * upTo(header / 8),
        ),
      () => file.fill(0, sector, sector + sectorBytes),
      () => {
        for (let n = 0; n < sectorBytes; n++) file.writeUInt8(upTo(256), sector + n);
      },
      () => copyWithin(file, sector, sectorBytes * upTo(good.length / sectorBytes), sectorBytes),
      () => copyWithin(file, page, pageBytes * upTo(pages), pageBytes),
    ];
    kinds[upTo(kinds.length)]?.();
  }
  return upTo(10) === 0 ? file.subarray(0, upTo(file.length)) : file;
}

const copyWithin = (file: Buffer, to: number, from: number, length: number) =>
  file.copyWithin(to, from, from + length);

if (folderToOpen === undefined) {
  t.test('a store that is damaged at random is refused, or opens with all its records', async (t) => {
    const random = Random.ofTest(t, 'SEED', Math.floor(Math.random() * 2 ** 32));
    const folder = temporaryFolder(t, 'damaged');
    mkdirSync(join(folder, 'good'));
    const store = openStore(join(folder, 'good'));
    await fill(store);
    const whole = records(store);
    await store.close();
    const good = readFileSync(join(folder, 'good/castle.lmdb'));
    for (let n = 0; n < count; n++) {
      mkdirSync(join(folder, `${n}`));
      writeFileSync(join(folder, `${n}/castle.lmdb`), damage(good, random));
    }
    const opened = spawnSync(process.execPath, [process.argv[1] ?? ''], {
      env: { ...process.env, OPEN_DAMAGED_STORES: folder },
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    });
    const outcomes = opened.stdout.trimEnd().split('\n');
    t.match(opened, { status: 0, signal: null }, `store ${outcomes.length - 1}: ${opened.stderr}`);
    t.equal(outcomes.length, count);
    let refused = 0;
    for (const [n, outcome] of outcomes.entries()) {
      if (outcome === 'refused') refused++;
      else if (outcome !== whole) t.fail(`store ${n} opened with other records`);
    }
    t.ok(
      refused > count / 4 && refused < count,
      `${refused} of ${count} stores are refused, the others have all their records`,
    );
  });
} else {
  for (let n = 0; n < count; n++) {
    const store = openDamaged(join(folderToOpen, `${n}`));
    process.stdout.write(`${store === undefined ? 'refused' : records(store)}\n`);
    if (store === undefined) continue;
    await fill(store);
    await store.close();
  }
}

function openDamaged(folder: string): Store | undefined {
  try {
    return openState(folder);
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind === 'io') return undefined;
    throw thrown;
  }
}
