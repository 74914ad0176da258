import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { LeaseState } from '../contract.ts';
import { errorMessage, Failure } from '../failure.ts';
import { identify, isDefunct, isStillThere, type ProcessIdentity } from './proc.ts';

/** A volume as the store keeps it. `creating` is written before the backend begins, `ready` when it is done. */
export interface VolumeRecord {
  readonly name: string;
  readonly backend: string;
  readonly state: 'creating' | 'ready';
  /** ISO 8601, UTC. */
  readonly created: string;
}

/** A lease as the store keeps it; an ended one is taken out. */
export interface LeaseRecord {
  readonly id: string;
  readonly volume: string;
  readonly container: string;
  readonly containerName: string;
  /** The container's first process: while it lives, the container does. */
  readonly first: ProcessIdentity;
  readonly target: string;
  readonly state: Exclude<LeaseState, 'ended'>;
  readonly mountId: number;
  /** ISO 8601, UTC. */
  readonly since: string;
}

/** The changes of one commit. */
export interface Changes {
  putVolume(record: VolumeRecord): void;
  removeVolume(name: string): void;
  putLease(record: LeaseRecord): void;
  removeLease(id: string): void;
}

/**
 * What the castle must not forget, in LMDB: a reader after kill -9 or a power cut finds the last whole commit
 * (copy-on-write pages; nothing is to be replayed).
 */
export interface Store {
  volumes(): VolumeRecord[];
  volume(name: string): VolumeRecord | undefined;
  leases(): LeaseRecord[];
  lease(id: string): LeaseRecord | undefined;
  /** Makes changes, all or none; resolves when they are on disk. Commits that wait at the same time share one flush. */
  commit(make: (changes: Changes) => void): Promise<void>;
  close(): Promise<void>;
}

/** A mapping may grow to this size in bytes: about a million volumes. The file has only what is used. */
const mapSizeBytes = 1024 * 1024 * 1024;

/**
 * Opens the store of one castle.
 * @param folder made when it isn't there
 * @throws Failure cannotCreate when the folder cannot be used, tryAgain when another castle has it
 */
export function openStore(folder: string): Store {
  const root = openDatabase(folder);
  const volumes = root.openDB<VolumeRecord, string>({ name: 'volumes', encoding: 'json' });
  const leases = root.openDB<LeaseRecord, string>({ name: 'leases', encoding: 'json' });
  const castle = root.openDB<ProcessIdentity, string>({ name: 'castle', encoding: 'json' });

  // LMDB's write transaction excludes other processes too, so two castles can't both find the place free.
  const holder = root.transactionSync(() => {
    const before = castle.get('process');
    if (before !== undefined && before.pid !== process.pid && isStillThere(before) && !isDefunct(before.pid))
      return before;
    castle.putSync('process', identify(process.pid));
    return undefined;
  });
  if (holder !== undefined) {
    void root.close();
    throw new Failure(
      'tryAgain',
      `the state in ${folder} belongs to a running castle, pid ${holder.pid}`,
      'stop it first',
    );
  }

  const changes: Changes = {
    putVolume: (record) => void volumes.put(record.name, record),
    removeVolume: (name) => void volumes.remove(name),
    putLease: (record) => void leases.put(record.id, record),
    removeLease: (id) => void leases.remove(id),
  };
  return {
    volumes: () => [...volumes.getRange()].map(({ value }) => value),
    volume: (name) => volumes.get(name),
    leases: () => [...leases.getRange()].map(({ value }) => value),
    lease: (id) => leases.get(id),
    async commit(make) {
      await root.transaction(() => make(changes));
    },
    async close() {
      await castle.remove('process');
      await root.close();
    },
  };
}

function openDatabase(folder: string) {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return open({
      path: join(folder, 'castle.lmdb'),
      mapSize: mapSizeBytes,
      // Otherwise a commit is visible some time before it is on disk.
      overlappingSync: false,
      encoding: 'json',
    });
  } catch (thrown) {
    throw new Failure('cannotCreate', `the state folder ${folder} cannot be used: ${errorMessage(thrown)}`);
  }
}
