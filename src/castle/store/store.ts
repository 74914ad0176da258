import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { ProcessIdentity } from '../../linux/proc.ts';
import type { LeaseState, OffHostCopy, SnapshotOrigin, SnapshotState } from '../../protocol/contract.ts';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { checkLmdbFile } from './check-lmdb-file.ts';
import { GroupCommit } from './group-commit.ts';
import { migrateStore } from './migrate-store.ts';
import { RecordIndex } from './record-index.ts';

/** A volume as the store keeps it. `creating` is written before the backend begins, `ready` when it is done. */
export interface VolumeRecord {
  readonly name: string;
  /** A UUID that no other volume has; where volumes are devices, that of the file system. Volumes of earlier castles have none. */
  readonly id?: string;
  readonly backend: string;
  readonly state: 'creating' | 'ready';
  /** Whether several containers may write to it at once; set when the volume is created. Only present when true. */
  readonly shared?: true;
  /** ISO 8601, UTC. */
  readonly created: string;
  /** When a container last got a lease on it, ISO 8601, UTC. Earlier castles did not record it. */
  readonly used?: string;
}

/**
 * A deleted volume that is kept for a time. `deleting`, `restoring` and `purging` are written before the backend begins,
 * so that the next castle can complete the operation after a crash.
 */
export interface TrashRecord {
  /** Unique; the folder in the trash is named after it. */
  readonly id: string;
  readonly volume: string;
  /** The id of the volume. */
  readonly volumeId?: string;
  /** As in the volume's record. */
  readonly shared?: true;
  readonly backend: string;
  readonly state: 'deleting' | 'kept' | 'restoring' | 'purging';
  /** When the volume was created, ISO 8601, UTC. */
  readonly created: string;
  /** When it was deleted, ISO 8601, UTC. */
  readonly deleted: string;
}

/**
 * A snapshot as the store keeps it; a deleted one has no record. The states are those of snapshots/snapshot-states.ts: each
 * is written before the backend begins the work that it stands for.
 */
export interface SnapshotRecord {
  /** A UUID; the castle's own. */
  readonly id: string;
  readonly volume: string;
  /** The id of the volume, where it has one: a later volume of that name is another one. */
  readonly volumeId?: string;
  readonly backend: string;
  readonly state: Exclude<SnapshotState, 'deleted'>;
  /** When it was begun, ISO 8601, UTC. */
  readonly taken: string;
  /** What took it: a request of the host's root, or the schedule. One that was adopted after the state was lost does not say. */
  readonly origin: SnapshotOrigin;
  /** The note of the request. */
  readonly note?: string;
  /** Whether a container used the volume at that time. Only present when true. */
  readonly inUse?: true;
  /** How much space it takes by itself, in bytes, where the backend can measure that. */
  readonly sizeBytes?: number;
  /** `unwanted`: somebody deleted the copy, and the castle makes no new one by itself. */
  readonly offHostCopy: OffHostCopy;
}

/** A lease as the store keeps it; an ended one has no record. */
export interface LeaseRecord {
  readonly id: string;
  readonly volume: string;
  readonly container: string;
  readonly containerName: string;
  /** The container's first process: while it lives, the container does. Of a mount for an engine: the castle itself. */
  readonly first: ProcessIdentity;
  readonly target: string;
  /** Whether the container may only read. Only present when true. */
  readonly readonly?: true;
  /** Whether it may write at the same time as other shared leases. Only present when true. */
  readonly shared?: true;
  /** Present when the mount is on the host, for an engine, and not in a container. */
  readonly engine?: EngineMount;
  readonly state: Exclude<LeaseState, 'ended'>;
  readonly mountId: number;
  /** ISO 8601, UTC. */
  readonly since: string;
}

/** What a token was used for; kept until the token has expired and no lease of its container has the volume. */
export interface TokenUse {
  /** The token's. */
  readonly id: string;
  readonly container: string;
  /** The container's first process. */
  readonly first: ProcessIdentity;
  readonly volume: string;
  readonly target: string;
  /** When the token expires, in milliseconds since 1970. */
  readonly untilMs: number;
  /** The volume was released; only the lease has not ended yet. */
  readonly spent?: true;
}

/** A mount on the host, which an engine puts into a container. */
export interface EngineMount {
  /** When the engine last requested it, ISO 8601, UTC. */
  readonly asked: string;
  /** Whether it has been seen in a container since. */
  readonly seen: boolean;
}

/** The changes of one commit. */
export interface Changes {
  putVolume(record: VolumeRecord): void;
  removeVolume(name: string): void;
  putLease(record: LeaseRecord): void;
  removeLease(id: string): void;
  putTrash(record: TrashRecord): void;
  removeTrash(id: string): void;
  putTokenUse(record: TokenUse): void;
  removeTokenUse(id: string): void;
  putSnapshot(record: SnapshotRecord): void;
  removeSnapshot(id: string): void;
}

/**
 * The castle's state, in LMDB: after kill -9 or a power cut, a reader finds the last complete commit (pages are copied on
 * write, and there is no log to replay).
 */
export interface Store {
  volumes(): VolumeRecord[];
  volume(name: string): VolumeRecord | undefined;
  leases(): LeaseRecord[];
  lease(id: string): LeaseRecord | undefined;
  /** The leases on one volume, by an index. */
  leasesOn(volume: string): LeaseRecord[];
  /** The leases of one container, by an index. @param container its id */
  leasesOf(container: string): LeaseRecord[];
  /** Deleted volumes that are kept. */
  trash(): TrashRecord[];
  tokenUses(): TokenUse[];
  tokenUse(id: string): TokenUse | undefined;
  snapshots(): SnapshotRecord[];
  snapshot(id: string): SnapshotRecord | undefined;
  /** The snapshots of one volume, by an index. */
  snapshotsOf(volume: string): SnapshotRecord[];
  /**
   * Makes changes, all or none; resolves when they are on disk. Commits of the same turn of the event loop share one flush.
   * @throws RefusalError backend_failed when they cannot be written; nothing has changed then
   */
  commit(make: (changes: Changes) => void): Promise<void>;
  close(): Promise<void>;
}

/** A mapping may grow to this size in bytes: about a million volumes. The file has only what is used. */
const mapSizeBytes = 1024 * 1024 * 1024;

/**
 * Opens the store of one castle.
 * @param folder claimed for this castle alone
 * @throws Failure cannotCreate when the folder cannot be used, io when what is in it is no store, config when a newer
 * castle wrote it
 */
export function openStore(folder: string): Store {
  const root = openDatabase(folder);
  migrateStore(root, storeFile(folder));
  const { volumes, leases, trash, tokens, snapshots } = openTables(root, folder);
  const all = <T>(table: Database<T, string>): T[] => [...table.getRange()].map(({ value }) => value);
  const byIds = <T>(table: Database<T, string>, ids: readonly string[]): T[] =>
    ids.map((id) => table.get(id)).filter((record) => record !== undefined);
  const leaseIndex = new RecordIndex(['volume', 'container'], all(leases));
  const snapshotIndex = new RecordIndex(['volume'], all(snapshots));
  const indexes = [leaseIndex, snapshotIndex];
  const changes: Changes = {
    putVolume: (record) => void volumes.putSync(record.name, record),
    removeVolume: (name) => void volumes.removeSync(name),
    putLease: (record) => {
      leases.putSync(record.id, record);
      leaseIndex.put(record);
    },
    removeLease: (id) => {
      leases.removeSync(id);
      leaseIndex.remove(id);
    },
    putTrash: (record) => void trash.putSync(record.id, record),
    removeTrash: (id) => void trash.removeSync(id),
    putTokenUse: (record) => void tokens.putSync(record.id, record),
    removeTokenUse: (id) => void tokens.removeSync(id),
    putSnapshot: (record) => {
      snapshots.putSync(record.id, record);
      snapshotIndex.put(record);
    },
    removeSnapshot: (id) => {
      snapshots.removeSync(id);
      snapshotIndex.remove(id);
    },
  };
  const commits = new GroupCommit((together) => {
    try {
      root.transactionSync(() => {
        for (const change of together) change();
      });
      for (const index of indexes) index.commit();
    } catch (thrown) {
      for (const index of indexes) index.abort();
      throw notWritten(folder, thrown);
    }
  });
  return {
    volumes: () => all(volumes),
    volume: (name) => volumes.get(name),
    leases: () => all(leases),
    lease: (id) => leases.get(id),
    leasesOn: (volume) => byIds(leases, leaseIndex.ids('volume', volume)),
    leasesOf: (container) => byIds(leases, leaseIndex.ids('container', container)),
    trash: () => all(trash),
    tokenUses: () => all(tokens),
    tokenUse: (id) => tokens.get(id),
    snapshots: () => all(snapshots),
    snapshot: (id) => snapshots.get(id),
    snapshotsOf: (volume) => byIds(snapshots, snapshotIndex.ids('volume', volume)),
    commit: (make) => commits.add(() => make(changes)),
    async close() {
      await commits.idle();
      await root.close();
    },
  };
}

/**
 * Verifies the file of a store that no process has open. An empty or missing one is sound: a castle may have ended before
 * LMDB wrote its first pages.
 * @throws Failure io when the store is damaged
 */
export function checkStore(folder: string): void {
  const file = storeFile(folder);
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    checkLmdbFile(file, (table, key, value) => {
      if (!tableNames.includes(table)) return; // a newer castle's
      const record: { readonly name?: unknown; readonly id?: unknown } = JSON.parse(decoder.decode(value));
      const recordKey = table === 'volumes' ? record.name : record.id;
      if (recordKey !== key.toString()) {
        throw new Error(`table ${table} has ${String(recordKey)} under the key ${key.toString()}`);
      }
    });
  } catch (thrown) {
    throw damaged(folder, errorMessage(thrown));
  }
}

const tableNames: readonly string[] = ['volumes', 'leases', 'trash', 'tokens', 'snapshots', 'format'];

function openTables(root: RootDatabase, folder: string) {
  try {
    return {
      volumes: root.openDB<VolumeRecord, string>({ name: 'volumes', encoding: 'json' }),
      leases: root.openDB<LeaseRecord, string>({ name: 'leases', encoding: 'json' }),
      trash: root.openDB<TrashRecord, string>({ name: 'trash', encoding: 'json' }),
      tokens: root.openDB<TokenUse, string>({ name: 'tokens', encoding: 'json' }),
      snapshots: root.openDB<SnapshotRecord, string>({ name: 'snapshots', encoding: 'json' }),
    };
  } catch (thrown) {
    throw damaged(folder, errorMessage(thrown));
  }
}

function openDatabase(folder: string): RootDatabase {
  try {
    return open({
      path: storeFile(folder),
      mapSize: mapSizeBytes,
      // Otherwise a commit is visible some time before it is on disk.
      overlappingSync: false,
      encoding: 'json',
    });
  } catch (thrown) {
    throw new Failure('cannotCreate', `the state folder ${folder} cannot be used: ${errorMessage(thrown)}`);
  }
}

/** The file with all data; LMDB creates the lock file beside it when it is missing. */
export const storeFile = (folder: string): string => join(folder, 'castle.lmdb');

function damaged(folder: string, why: string): Failure {
  return new Failure(
    'io',
    `the castle's state ${storeFile(folder)} is damaged: ${why}`,
    'move that file away: volumes stay as they are, and a container gets the lease of what it has mounted when it asks again',
  );
}

function notWritten(folder: string, thrown: unknown): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the castle cannot write its state in ${folder}: ${errorMessage(thrown)}`,
    'see to the space and the health of that folder on the host',
  );
}
