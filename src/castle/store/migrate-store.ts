/**
 * The format of the store: a number in the store itself. A castle migrates a store with a lower number when it opens it, and
 * refuses a store with a higher number, because it would misread the records.
 *
 * To change a record: raise `storeFormat`, and add the step from the previous format to `migrations`.
 */
import { statSync } from 'node:fs';
import type { RootDatabase } from 'lmdb';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { commitBytes, type MakeRoom } from './store-room.ts';

/** The format that this castle reads and writes. A store without a number has format 1. */
export const storeFormat = 2;

interface FormatRecord {
  readonly id: 'format';
  readonly number: number;
}

/** A record of any format, as JSON. */
type OldRecord = { readonly [field: string]: unknown };

/** For each table, converts a record to the next format. */
type TableMigrations = Readonly<Record<string, (record: OldRecord) => OldRecord>>;

/** The migration N converts format N to format N + 1. */
const migrations: Readonly<Record<number, TableMigrations>> = {
  1: { leases: renameEngineMountFields, snapshots: renameSnapshotFields },
};

/**
 * Migrates a store to `storeFormat`, in one commit: if the castle is killed meanwhile, the old store is unchanged.
 * @param file path of the store, for the message
 * @throws Failure config when a newer castle wrote the store, cannotCreate when it cannot be written; nothing is changed
 *   then
 */
export function migrateStore(root: RootDatabase, file: string, makeRoom: MakeRoom): void {
  try {
    migrate(root, file, makeRoom);
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw new Failure(
      'cannotCreate',
      `the castle's state ${file} cannot be written in format ${storeFormat}: ${errorMessage(thrown)}`,
      'check the free space and the health of the disk on the host',
    );
  }
}

function migrate(root: RootDatabase, file: string, makeRoom: MakeRoom): void {
  const formats = root.openDB<FormatRecord, string>({ name: 'format', encoding: 'json' });
  const format = formats.get('format')?.number ?? 1;
  if (format > storeFormat) {
    throw new Failure(
      'config',
      `the castle's state ${file} has format ${format}, and this castle reads formats up to ${storeFormat}`,
      'start the newer castle that wrote it',
    );
  }
  if (format === storeFormat) return;
  const names = new Set(Object.values(migrations).flatMap((tables) => Object.keys(tables)));
  const tables = new Map(
    [...names].map((name) => [name, root.openDB<OldRecord, string>({ name, encoding: 'json' })]),
  );
  // A migration writes every page once more.
  makeRoom(statSync(file).size + commitBytes);
  root.transactionSync(() => {
    for (const [name, table] of tables) {
      // The whole table is read first: a range does not continue in a table that is written to.
      for (const { key, value } of [...table.getRange()]) {
        let record = value;
        for (let from = format; from < storeFormat; from++)
          record = migrations[from]?.[name]?.(record) ?? record;
        table.putSync(key, record);
      }
    }
    formats.putSync('format', { id: 'format', number: storeFormat });
  });
}

/** Format 2 renames the states and origins of a snapshot, and replaces the two fields about its off-host copy by one. */
function renameSnapshotFields(record: OldRecord): OldRecord {
  const { isCopied, isCopyUnwanted, state, origin, ...same } = record;
  const states: OldRecord = { kept: 'ready', removing: 'deleting' };
  const origins: OldRecord = { asked: 'manual', found: 'adopted' };
  return {
    ...same,
    state: states[String(state)] ?? state,
    origin: origins[String(origin)] ?? origin,
    offHostCopy: isCopied === true ? 'copied' : isCopyUnwanted === true ? 'unwanted' : 'none',
  };
}

/** Format 2 renames the time of the engine's request. */
function renameEngineMountFields(record: OldRecord): OldRecord {
  if (record['engine'] === undefined) return record;
  const { asked, ...same } = record['engine'] as OldRecord;
  return { ...record, engine: { ...same, requested: asked } };
}
