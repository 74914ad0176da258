import { accessSync, constants, existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accessFailure } from '../../container/access.ts';
import { errorCode, Failure } from '../../failure.ts';
import type { ReferenceConfig } from '../environment.ts';
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
}

/**
 * Copies one reference file, or leaves it alone, by the rule for its kind.
 * @returns the line for the log, if it is to have one
 * @throws Failure with the path that could not be read or written
 */
export async function copyReferenceFile(
  file: ReferenceFile,
  request: CopyRequest,
): Promise<string | undefined> {
  const target = join(request.home, file.name);
  try {
    return await copyByRule(file, target, request);
  } catch (thrown) {
    throw thrown instanceof Failure ? thrown : copyFailure(thrown, file, target);
  }
}

async function copyByRule(
  file: ReferenceFile,
  target: string,
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

async function copyPlain(file: ReferenceFile, target: string, request: CopyRequest): Promise<Done> {
  if (!file.override && existsSync(target)) return { action: 'SKIPPED', reason: '', notable: false };
  await placeFile(target, await contentOf(file, request));
  return { action: 'INSTALLED', reason: '', notable: true };
}

async function contentOf(file: ReferenceFile, { reference, env }: CopyRequest): Promise<FileContent> {
  if (!reference.substitute || !isSubstitutable(file.name)) return { like: file };
  return { like: file, content: substituteVariables(await readFile(file.path), env) };
}

async function copyPlugin(file: ReferenceFile, target: string, { reference }: CopyRequest): Promise<Done> {
  const markerPath = `${target}.version_from_image`;
  const [image, installed, marker] = await Promise.all([
    readPluginVersion(file.path),
    orMissing(readPluginVersion(target)),
    orMissing(readFile(markerPath, 'utf8')),
  ]);
  const state = { image, installed, marker: marker?.trim(), override: file.override };
  const decision = decidePlugin(state, reference);
  if (decision.action !== 'SKIPPED' || decision.adopt) await placeText(markerPath, `${image}\n`);
  if (decision.action !== 'SKIPPED') {
    // The archive comes last. Ended in between, the next start finds a marker that is not older than what is installed
    // and upgrades again; the other way round it would find no marker and leave the plug-in alone for ever.
    await writeFile(`${target}.pinned`, '', { flag: 'a' });
    await placeFile(target, { like: file });
  }
  return decision;
}

async function orMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Of the two files of a copy the system's error names the first, whichever it was about. */
function copyFailure(thrown: unknown, { path: source }: ReferenceFile, target: string): Failure {
  if (!canRead(source)) return accessFailure('', source, thrown, 'be read');
  const named =
    thrown instanceof Error && 'path' in thrown && typeof thrown.path === 'string' ? thrown.path : source;
  const path = named === source ? target : named.replace(/\.bailey-part$/, '');
  return accessFailure('', path, thrown, 'be written');
}

function canRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
