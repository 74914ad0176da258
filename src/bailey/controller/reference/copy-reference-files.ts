import { appendFileSync, closeSync, constants, existsSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorCode, errorPath, Failure } from '../../../terminal/failure.ts';
import { printable } from '../../../terminal/printable.ts';
import { accessFailure } from '../../container/folder-access.ts';
import type { FillHomeRequest } from './fill-home.ts';
import { listReferenceFiles, type ReferenceFile } from './list-reference-files.ts';

/**
 * Copies the reference files of the image to JENKINS_HOME by the rules of the official image (jenkinsci/docker,
 * jenkins-support), and appends each action to the log.
 * @throws Failure 73, 74 or 77 with the path that could not be read or written; the signal's reason
 */
export async function copyReferenceFiles(request: FillHomeRequest): Promise<void> {
  const { log } = request.reference;
  const lines: string[] = [];
  startLog(log);
  try {
    await copyFiles(request, lines);
  } catch (thrown) {
    try {
      appendLines(log, lines);
    } catch {
      // report the first error; on a full disk the log fails, too
    }
    throw thrown;
  }
  appendLines(log, lines);
}

async function copyFiles(request: FillHomeRequest, lines: string[]): Promise<void> {
  const { home, reference } = request;
  if (reference.clearInitScripts) clearInitScripts(home);
  const files = listFiles(reference.folder, lines);
  if (files.length === 0) return;
  const { fillHome } = await import('./fill-home.ts'); // dynamic: not needed without reference files
  await fillHome(files, request, lines);
}

function listFiles(folder: string, lines: string[]): ReferenceFile[] {
  try {
    return listReferenceFiles(folder, (path, reason) => lines.push(`SKIPPED ${path} : ${reason}`));
  } catch (thrown) {
    const path = errorPath(thrown) ?? folder;
    throw accessFailure(path === folder ? 'REF' : '', path, thrown, 'be read');
  }
}

function clearInitScripts(home: string): void {
  const folder = join(home, 'init.groovy.d');
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (thrown) {
    throw accessFailure('', folder, thrown, 'be removed');
  }
}

/** Starts the log as the official script does. This is the first write to JENKINS_HOME. */
function startLog(log: string): void {
  const isNew = !existsSync(log);
  try {
    append(log, `--- Copying files at ${new Date().toISOString()}\n`);
  } catch (thrown) {
    if (isNew && existsSync(log)) rmSync(log); // a full disk may allow the file but not its content
    throw thrown;
  }
}

function appendLines(log: string, lines: readonly string[]): void {
  // File names may contain control characters.
  if (lines.length > 0) append(log, `${lines.map(printable).join('\n')}\n`);
}

function append(log: string, text: string): void {
  try {
    const reader = requireReader(log);
    appendFileSync(log, text);
    if (reader !== undefined) closeSync(reader);
  } catch (thrown) {
    throw logFailure(log, thrown);
  }
}

/**
 * Checks that a log that is a pipe has a reader. Without O_NONBLOCK, open(2) would block until a reader opens the pipe, and
 * signals would not be handled; with it, open(2) fails with ENXIO (fifo(7)).
 * @returns a descriptor that keeps the reader from seeing end of file meanwhile; undefined when the log is not a pipe
 */
function requireReader(log: string): number | undefined {
  if (statSync(log, { throwIfNoEntry: false })?.isFIFO() !== true) return undefined;
  return openSync(log, constants.O_WRONLY | constants.O_NONBLOCK);
}

function logFailure(log: string, thrown: unknown): Failure {
  const name = 'COPY_REFERENCE_FILE_LOG';
  const because = { cause: thrown };
  switch (errorCode(thrown)) {
    case 'ENOENT':
      return new Failure(
        'cannotCreate',
        `the folder of ${name} ${log} does not exist`,
        `create it in the image (mkdir -p ${dirname(log)}), or correct ${name}`,
        because,
      );
    case 'ENXIO':
      return new Failure(
        'config',
        `${name} ${log} is a pipe or socket without a reader`,
        `start its reader first, or set ${name} to a file`,
        because,
      );
    default:
      return accessFailure(name, log, thrown, 'be written');
  }
}
