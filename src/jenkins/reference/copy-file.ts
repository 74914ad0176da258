import { accessSync, constants, existsSync, type PathLike } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { accessFailure } from '../../container/access.ts';
import { errorCode, errorPath, Failure } from '../../failure.ts';
import type { ReferenceConfig } from '../environment.ts';
import { type BytePath, below, withSuffix } from './byte-path.ts';
import type { ReferenceFile } from './list-files.ts';
import { type FileContent, placeFile, placeText } from './place-file.ts';
import { decidePlugin } from './plugin-rules.ts';
import { readPluginVersion } from './plugin-version.ts';
import { isSubstitutable, substituteVariables } from './substitute.ts';

/** Where the files go, by which rules. */
export interface CopyRequest {
  readonly home: string;
  readonly reference: ReferenceConfig;
  /** What may be put into configuration files. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts between two files, and in the middle of a large one. */
  readonly signal: AbortSignal;
}

/**
 * Copies one reference file, or leaves it alone, by the rule for its kind.
 * @returns the line for the log, if it is to have one
 * @throws Failure with the path that could not be read or written; the signal's reason
 */
export async function copyReferenceFile(
  file: ReferenceFile,
  request: CopyRequest,
): Promise<string | undefined> {
  const target = below(request.home, file.place);
  try {
    return await copyByRule(file, target, request);
  } catch (thrown) {
    if (thrown instanceof Failure || thrown === request.signal.reason) throw thrown;
    throw copyFailure(thrown, file, target);
  }
}

async function copyByRule(
  file: ReferenceFile,
  target: BytePath,
  request: CopyRequest,
): Promise<string | undefined> {
  // As in the official script .hpi files follow the plain rule: the plug-in manager never writes them any more.
  const { action, reason, notable } =
    file.name.startsWith('plugins/') && file.name.endsWith('.jpi')
      ? await copyPlugin(file, target, request)
      : await copyPlain(file, target, request);
  if (!notable && !request.reference.verbose) return undefined;
  return reason === '' ? `${action} ${file.name}` : `${action} ${file.name} : ${reason}`;
}

interface Done {
  readonly action: string;
  readonly reason: string;
  readonly notable: boolean;
}

async function copyPlain(file: ReferenceFile, target: BytePath, request: CopyRequest): Promise<Done> {
  if (!file.override && existsSync(target)) return { action: 'SKIPPED', reason: '', notable: false };
  await placeFile(target, await contentOf(file, request), request.signal);
  return { action: 'INSTALLED', reason: '', notable: true };
}

async function contentOf(file: ReferenceFile, { reference, env }: CopyRequest): Promise<FileContent> {
  if (!reference.substitute || !isSubstitutable(file.name)) return { like: file };
  return { like: file, content: substituteVariables(await readFile(file.path), env) };
}

async function copyPlugin(
  file: ReferenceFile,
  target: BytePath,
  { reference, signal }: CopyRequest,
): Promise<Done> {
  const markerPath = withSuffix(target, '.version_from_image');
  const pinnedPath = withSuffix(target, '.pinned');
  const [image, installed, marker] = await Promise.all([
    readPluginVersion(file.path),
    orMissing(readPluginVersion(target)),
    orMissing(readFile(markerPath, { encoding: 'utf8', flag: readWithoutWaiting })),
  ]);
  const state = { image, installed, marker: marker?.trim(), override: file.override };
  const decision = decidePlugin(state, reference);
  if (decision.action !== 'SKIPPED' || decision.adopt) await placeText(markerPath, `${image}\n`);
  if (decision.action !== 'SKIPPED') {
    // The archive comes last. Ended in between, the next start finds a marker that is not older than what is installed
    // and upgrades again; the other way round it would find no marker and leave the plug-in alone for ever.
    if (!existsSync(pinnedPath)) await writeFile(pinnedPath, '', { flag: 'a' });
    await placeFile(target, { like: file }, signal);
  }
  return decision;
}

/** Builds may have left a pipe there: opened in the ordinary way it would wait for somebody who writes into it. */
const readWithoutWaiting = constants.O_RDONLY | constants.O_NONBLOCK;

async function orMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Of the two files of a copy the system's error names the first, whichever it was about. */
function copyFailure(thrown: unknown, file: ReferenceFile, target: BytePath): Failure {
  const source = file.path.toString();
  if (!canRead(file.path)) return accessFailure('', source, thrown, 'be read');
  const named = errorPath(thrown) ?? source;
  const path = named === source ? target.toString() : named.replace(/\.bailey-part$/, '');
  return accessFailure('', path, thrown, 'be written');
}

function canRead(path: PathLike): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
