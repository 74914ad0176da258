import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../terminal/failure.ts';
import type { KnownSnapshot } from './snapshots.ts';

/** Starts with a dot, unlike any volume name. It is on the file system of the volumes, so that reflinks work. */
const folderName = '.snapshots';

const unfinished = '.unfinished-';
const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const pattern = new RegExp(`^([^@]+)@(?:(${uuid})@)?(${uuid})@(\\d{8}T\\d{9}Z)(?:\\.([a-z0-9]+))?$`);

/**
 * A snapshot, parsed from the name of its file or folder: `VOLUME@ID@TIME`, or for an image `VOLUME@VOLUMEID@ID@TIME.TYPE`.
 */
export interface StoredSnapshot extends KnownSnapshot {
  readonly path: string;
  /** The type of the file system. */
  readonly type?: string;
}

/** Returns the path of the folder of snapshots, inside the folder of the volumes. */
export const snapshotFolder = (base: string): string => join(base, folderName);

/** Returns the path of a complete snapshot. */
export function snapshotPath(base: string, snapshot: Omit<StoredSnapshot, 'path'>): string {
  const { volume, volumeId, id, taken, type } = snapshot;
  const parts = [volume, ...(volumeId === undefined ? [] : [volumeId]), id, taken.replace(/[-:.]/g, '')];
  return join(snapshotFolder(base), `${parts.join('@')}${type === undefined ? '' : `.${type}`}`);
}

/** Returns the path of a snapshot that is incomplete or being removed; it is not listed. */
export const unfinishedSnapshotPath = (base: string, id: string): string =>
  join(snapshotFolder(base), `${unfinished}${id}`);

/** Returns the ids of interrupted snapshots and removals. */
export async function unfinishedSnapshots(base: string): Promise<readonly string[]> {
  const whole = new RegExp(`^${unfinished.replace('.', '\\.')}(${uuid})$`);
  return (await entries(base)).flatMap((name) => whole.exec(name)?.[1] ?? []);
}

/** Lists all complete snapshots. */
export async function storedSnapshots(base: string): Promise<readonly StoredSnapshot[]> {
  return (await entries(base)).flatMap((name) => parse(base, name) ?? []);
}

/** Creates the folder of snapshots, accessible to root only, unless it exists. */
export async function prepareSnapshotFolder(base: string): Promise<void> {
  await mkdir(snapshotFolder(base), { recursive: true, mode: 0o700 });
}

async function entries(base: string): Promise<readonly string[]> {
  try {
    return await readdir(snapshotFolder(base));
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

function parse(base: string, name: string): StoredSnapshot | undefined {
  const [, volume, volumeId, id, time, type] = pattern.exec(name) ?? [];
  if (volume === undefined || id === undefined || time === undefined) return undefined;
  return {
    path: join(snapshotFolder(base), name),
    volume,
    id,
    taken: time.replace(/^(....)(..)(..)T(..)(..)(..)(...)Z$/, '$1-$2-$3T$4:$5:$6.$7Z'),
    ...(volumeId === undefined ? {} : { volumeId }),
    ...(type === undefined ? {} : { type }),
  };
}
