import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { Native } from '../../../linux/native-addon.ts';
import { errorCode, errorPath, Failure } from '../../../terminal/failure.ts';
import { accessFailure } from '../../container/folder-access.ts';
import { type BytePath, folderOf, keyOf, partOf, withSuffix } from './byte-path.ts';
import { markerOf, type Plan } from './decide-reference-file.ts';
import { forEachConcurrently } from './for-each-concurrently.ts';
import { remove, withoutPart, writeCopy, writeText } from './partial-file.ts';
import { isSubstitutable, substituteVariables } from './substitute-variables.ts';

/** The context of {@link placeFiles}. */
export interface PlacementContext {
  readonly native: Native;
  /** Variables to substitute in configuration files; undefined: no substitution. */
  readonly variables: Readonly<Record<string, string | undefined>> | undefined;
  /** Aborts the copying, between two files or in the middle of a large one. */
  readonly signal: AbortSignal;
  /** Called for each plan that has been carried out. */
  readonly placed: (plan: Plan) => void;
}

/** Bytes per batch: the extra disk space that is needed, and the work that an interruption can lose. */
const batchBytes = 64 * 1024 * 1024;

/**
 * Writes files so that each is complete or absent, even after a power failure: a batch is written under temporary names,
 * synced together (syncing each file alone would take most of the time), and renamed. After an error, complete files are
 * still renamed; after a signal, none.
 * @param plans only those with something to write
 * @throws Failure 73, 74 or 77 with the path that could not be read or written; the signal's reason
 */
export async function placeFiles(plans: readonly Plan[], context: PlacementContext): Promise<void> {
  for (const batch of batches(plans)) await placeBatch(batch, context);
}

function* batches(plans: readonly Plan[]): Generator<readonly Plan[]> {
  let batch: Plan[] = [];
  let bytes = 0;
  for (const plan of plans) {
    batch.push(plan);
    bytes += plan.copy ? plan.file.stat.size : 0;
    if (bytes < batchBytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

async function placeBatch(batch: readonly Plan[], context: PlacementContext): Promise<void> {
  const { signal } = context;
  for (const folder of distinct(batch.map(({ target }) => folderOf(target))))
    orFailure(folder, () => mkdirSync(folder, { recursive: true }));

  const written: Plan[] = [];
  let failed: { readonly thrown: unknown } | undefined;
  try {
    await forEachConcurrently(batch, signal, async (plan) => {
      await writeParts(plan, context);
      written.push(plan);
    });
  } catch (thrown) {
    failed = { thrown };
  }
  const parts = new Set(written.flatMap(partsOf));
  try {
    if (!signal.aborted) await renameIntoPlace(written, parts, context);
  } finally {
    for (const part of parts) remove(part);
  }
  if (failed !== undefined) throw failed.thrown;
  signal.throwIfAborted();
}

/** Writes the temporary files of a plan, all or none. */
async function writeParts({ file, target, copy, marker }: Plan, context: PlacementContext): Promise<void> {
  const { variables, signal } = context;
  const markerPath = markerOf({ target });
  try {
    if (marker !== undefined) await writeText(markerPath, `${marker}\n`, file.stat);
    if (!copy) return;
    const filled = variables !== undefined && isSubstitutable(file.name);
    const content = filled ? substituteVariables(readFileSync(file.path), variables) : undefined;
    await writeCopy(target, file, content, signal);
  } catch (thrown) {
    if (marker !== undefined) remove(partOf(markerPath));
    if (thrown === signal.reason) throw thrown;
    throw copyFailure(thrown, file.path, target);
  }
}

const partsOf = (plan: Plan): BytePath[] => targetsOf(plan).map(partOf);

/** Returns the paths that a plan writes: the marker of a plug-in, then the file. */
const targetsOf = ({ target, copy, marker }: Plan): BytePath[] => [
  ...(marker === undefined ? [] : [markerOf({ target })]),
  ...(copy ? [target] : []),
];

/**
 * Syncs the temporary files and renames them. Without the sync, a power failure could leave an empty file under the final
 * name.
 *
 * Markers are renamed and synced before any archive. If the start is interrupted in between, the next one finds a marker
 * that is not older than the installed version, and upgrades again. In the opposite order it would find no marker or an
 * older one, and never upgrade the plug-in again. The last renames are not synced: if lost, the next start repeats them.
 * @param parts the temporary files; renamed ones are removed from the set
 */
async function renameIntoPlace(
  written: readonly Plan[],
  parts: Set<BytePath>,
  context: PlacementContext,
): Promise<void> {
  const rename = renamer(parts);
  await sync([...parts], context.native);
  const marked = written.filter(({ marker }) => marker !== undefined);
  for (const { target } of marked) rename(markerOf({ target }));
  const folders = distinct(marked.filter(({ copy }) => copy).map(({ target }) => folderOf(target)));
  if (folders.length > 0) await syncFolders(folders, context.native);
  for (const plan of written) {
    const { target, copy, marker } = plan;
    if (copy && marker !== undefined) createIfMissing(withSuffix(target, '.pinned'));
    if (copy) rename(target);
    context.placed(plan);
  }
}

function renamer(parts: Set<BytePath>): (target: BytePath) => void {
  const byPath = new Map([...parts].map((part) => [keyOf(part), part]));
  return (target) => {
    const path = partOf(target);
    orFailure(target, () => replace(path, target));
    const part = byPath.get(keyOf(path));
    if (part !== undefined) parts.delete(part);
  };
}

/**
 * A bind-mounted file cannot be replaced by rename(2) (EBUSY), so its content is overwritten, as in the official script.
 * This is the only case in which an interruption can leave a partial file.
 */
function replace(part: BytePath, target: BytePath): void {
  try {
    renameSync(part, target);
  } catch (thrown) {
    if (errorCode(thrown) !== 'EBUSY') throw thrown;
    const content = readFileSync(part);
    const file = openSync(target, 'r+');
    try {
      ftruncateSync(file);
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    remove(part);
  }
}

async function sync(paths: readonly BytePath[], native: Native): Promise<void> {
  const end = Buffer.of(0);
  try {
    await native.syncFiles(Buffer.concat(paths.flatMap((path) => [path, end])));
  } catch (thrown) {
    throw accessFailure('', withoutPart(errorPath(thrown) ?? ''), thrown, 'be synced to disk');
  }
}

/** Syncs directories. On a file system that does not support it, only the order of the renames protects the files. */
async function syncFolders(folders: readonly BytePath[], native: Native): Promise<void> {
  try {
    await sync(folders, native);
  } catch (thrown) {
    const code = thrown instanceof Failure ? errorCode(thrown.cause) : undefined;
    if (!['EACCES', 'EINVAL', 'ENOSYS', 'EOPNOTSUPP'].includes(code ?? '')) throw thrown;
  }
}

function createIfMissing(path: BytePath): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return; // opening a pipe would block
  orFailure(path, () => closeSync(openSync(path, 'a')));
}

function distinct(paths: readonly BytePath[]): BytePath[] {
  return [...new Map(paths.map((path) => [keyOf(path), path])).values()];
}

function orFailure(path: BytePath, act: () => void): void {
  try {
    act();
  } catch (thrown) {
    throw accessFailure('', path.toString(), thrown, 'be written');
  }
}

/** For a copy, the system's error names the source even when the target caused it. */
function copyFailure(thrown: unknown, file: BytePath, target: BytePath): Failure {
  const source = file.toString();
  if (!canRead(file)) return accessFailure('', source, thrown, 'be read');
  const named = errorPath(thrown) ?? source;
  const path = named === source ? target.toString() : withoutPart(named);
  return accessFailure('', path, thrown, 'be written');
}

function canRead(path: BytePath): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
