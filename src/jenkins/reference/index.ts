import { accessSync, appendFileSync, constants, existsSync, rmSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { accessFailure } from '../../container/access.ts';
import { errorCode, Failure } from '../../failure.ts';
import type { ReferenceConfig } from '../environment.ts';
import { listReferenceFiles, type ReferenceFile } from './list-files.ts';
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

/** Files in flight: libuv has four threads for file operations; the rest of the time goes into waiting for the disk. */
const atOnce = 8;

/**
 * Fills JENKINS_HOME from the reference folder of the image by the rules of the official image
 * (jenkinsci/docker, jenkins-support), and appends what it did to the log.
 * @param signal aborts between two files; those in flight are finished first
 * @throws Failure 73, 74 or 77 with the path that could not be written; the signal's reason
 */
export async function copyReferenceFiles(request: CopyRequest, signal: AbortSignal): Promise<void> {
  const { home, reference } = request;
  const lines: string[] = [];
  startLog(reference.log);
  try {
    if (reference.clearInitScripts) await clearInitScripts(home);
    const files = listFiles(reference.folder, lines);
    await eachAtOnce(files, signal, async (file) => {
      const line = await copyOne(file, request).catch((thrown: unknown) => {
        throw thrown instanceof Failure ? thrown : copyFailure(thrown, file, join(home, file.name));
      });
      if (line !== undefined) lines.push(line);
    });
  } finally {
    if (lines.length > 0) append(reference.log, `${lines.join('\n')}\n`);
  }
}

function listFiles(folder: string, lines: string[]): ReferenceFile[] {
  try {
    return listReferenceFiles(folder, (path, reason) => lines.push(`SKIPPED ${path} : ${reason}`));
  } catch (thrown) {
    throw accessFailure('REF', folder, thrown, 'be read');
  }
}

/** @returns the line for the log, if it is to have one */
async function copyOne(file: ReferenceFile, request: CopyRequest): Promise<string | undefined> {
  const { reference } = request;
  const target = join(request.home, file.name);
  // As in the official script .hpi files follow the plain rule: the plug-in manager never writes them any more.
  const { action, reason, notable } =
    file.name.startsWith('plugins/') && file.name.endsWith('.jpi')
      ? await copyPlugin(file, target, request)
      : await copyPlain(file, target, request);
  if (!notable && !reference.verbose) return undefined;
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

async function clearInitScripts(home: string): Promise<void> {
  const folder = join(home, 'init.groovy.d');
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (thrown) {
    throw accessFailure('', folder, thrown, 'be removed');
  }
}

/** Opens the log as the official script does: the first write into JENKINS_HOME, and the proof that it can be written. */
function startLog(log: string): void {
  const isNew = !existsSync(log);
  try {
    append(log, `--- Copying files at ${new Date().toString()}\n`);
  } catch (thrown) {
    if (isNew) rmSync(log, { force: true }); // on a full disk the name can be made, but not the line
    throw thrown;
  }
}

function append(log: string, text: string): void {
  try {
    appendFileSync(log, text);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT')
      throw accessFailure('The folder of COPY_REFERENCE_FILE_LOG,', dirname(log), thrown, 'be written');
    throw accessFailure('COPY_REFERENCE_FILE_LOG', log, thrown, 'be written');
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

/** Calls `work` for each item, some at once. After the first failure nothing is begun any more; it is thrown when what was begun has ended. */
async function eachAtOnce<T>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const item of rest) {
      if (failed) return;
      try {
        signal.throwIfAborted();
        await work(item);
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  const first = results.find((result) => result.status === 'rejected');
  if (first !== undefined) throw first.reason;
}
