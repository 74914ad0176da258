import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, Failure } from '../../terminal/failure.ts';

/** The file of a program, or why it cannot be executed: as in a POSIX shell, exit code 127 if missing, else 126. */
export type ProgramLookup =
  | { readonly file: string }
  | { readonly fault: 'missing' | 'not executable' | 'folder'; readonly file?: string };

/**
 * Finds a program as a shell does: a name with a slash is a path; any other name is searched in the directories of PATH.
 * A file that is not executable does not end the search.
 * @param path the value of PATH; an empty entry means the current directory
 */
export function findProgram(name: string, path: string | undefined): ProgramLookup {
  const candidates = name.includes('/')
    ? [name]
    : (path ?? '').split(':').map((folder) => join(folder || '.', name));
  let notExecutable: string | undefined;
  for (const file of candidates) {
    const state = fileState(file);
    if (state === 'executable') return { file };
    if (state === 'folder' && file === name) return { fault: 'folder', file };
    if (state === 'not executable') notExecutable ??= file;
  }
  return notExecutable === undefined
    ? { fault: 'missing' }
    : { fault: 'not executable', file: notExecutable };
}

/**
 * Finds a program by its name, or fails.
 * @throws Failure 64 for an empty name, 127 when the program is not found, 126 when it cannot be executed
 */
export function requireProgram(name: string, path: string | undefined): string {
  if (name === '')
    throw new Failure('usage', 'the name of the program to run is empty', 'name one, or leave it out');
  const found = findProgram(name, path);
  if ('fault' in found) throw programFailure(name, found);
  return found.file;
}

/** Returns the failure for a program that was not found or cannot be executed. */
export function programFailure(
  name: string,
  { fault, file }: Extract<ProgramLookup, { fault: string }>,
): Failure {
  if (fault === 'not executable')
    return new Failure('notExecutable', `${file ?? name} cannot be executed`, `chmod +x ${file ?? name}`);
  if (fault === 'folder')
    return new Failure('notExecutable', `${file ?? name} is a folder`, 'give the path of a program in it');
  return new Failure(
    'notFound',
    name.includes('/') ? `${name} does not exist` : `${name} is not in PATH`,
    'install it in the image, or correct the name',
  );
}

function fileState(file: string): 'executable' | Extract<ProgramLookup, { fault: string }>['fault'] {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return 'folder';
    if (!stat.isFile()) return 'not executable';
    accessSync(file, constants.X_OK);
    return 'executable';
  } catch (thrown) {
    const code = errorCode(thrown);
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'not executable';
  }
}
