import { appendFileSync, existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { accessFailure } from '../../container/access.ts';
import { errorCode } from '../../failure.ts';
import type { CopyRequest } from './copy-file.ts';
import { listReferenceFiles, type ReferenceFile } from './list-files.ts';

/**
 * Fills JENKINS_HOME from the reference folder of the image by the rules of the official image
 * (jenkinsci/docker, jenkins-support), and appends what it did to the log.
 * @param signal aborts between two files; those in flight are finished first
 * @throws Failure 73, 74 or 77 with the path that could not be written; the signal's reason
 */
export async function copyReferenceFiles(request: CopyRequest, signal: AbortSignal): Promise<void> {
  const { log } = request.reference;
  const lines: string[] = [];
  startLog(log);
  try {
    await copyFiles(request, lines, signal);
  } catch (thrown) {
    try {
      appendLines(log, lines);
    } catch {
      // the first failure is the one to tell; a full disk takes no line either
    }
    throw thrown;
  }
  appendLines(log, lines);
}

async function copyFiles(request: CopyRequest, lines: string[], signal: AbortSignal): Promise<void> {
  const { home, reference } = request;
  if (reference.clearInitScripts) clearInitScripts(home);
  const files = listFiles(reference.folder, lines);
  if (files.length === 0) return;
  // Here and not above: most of what copying needs, Node's promises of file operations first, takes time to load.
  const [{ copyReferenceFile }, { eachAtOnce }] = await Promise.all([
    import('./copy-file.ts'),
    import('./each-at-once.ts'),
  ]);
  await eachAtOnce(files, signal, async (file) => {
    const line = await copyReferenceFile(file, request);
    if (line !== undefined) lines.push(line);
  });
}

function listFiles(folder: string, lines: string[]): ReferenceFile[] {
  try {
    return listReferenceFiles(folder, (path, reason) => lines.push(`SKIPPED ${path} : ${reason}`));
  } catch (thrown) {
    throw accessFailure('REF', folder, thrown, 'be read');
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

/** Opens the log as the official script does: the first write into JENKINS_HOME, and the proof that it can be written. */
function startLog(log: string): void {
  const isNew = !existsSync(log);
  try {
    append(log, `--- Copying files at ${new Date().toISOString()}\n`);
  } catch (thrown) {
    if (isNew) rmSync(log, { force: true }); // on a full disk the name can be made, but not the line
    throw thrown;
  }
}

function appendLines(log: string, lines: readonly string[]): void {
  if (lines.length > 0) append(log, `${lines.join('\n')}\n`);
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
