import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, Failure } from '../../terminal/failure.ts';

/** A program that can be executed, or why it can't: the shell's reasons (POSIX, exit 127, and 126 for the others). */
export type ProgramLookup =
  | { readonly file: string }
  | { readonly fault: 'missing' | 'not executable' | 'folder'; readonly file?: string };

/**
 * Finds a program as a shell does: a name with a slash is the file; else the folders of PATH are searched, and a file
 * that cannot be executed is remembered but does not end the search. A folder is found only where it is named itself.
 * @param path the value of PATH; an empty entry means the current folder
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
 * Finds a program that somebody asked for by name.
 * @throws Failure 64 for an empty name, 127 when there is no such program, 126 when it cannot be executed
 */
export function requireProgram(name: string, path: string | undefined): string {
  if (name === '')
    throw new Failure('usage', 'the name of the program to run is empty', 'name one, or leave it out');
  const found = findProgram(name, path);
  if ('fault' in found) throw programFailure(name, found);
  return found.file;
}

/** The failure for a program that was not found or cannot be executed. */
export function programFailure(
  name: string,
  { fault, file }: Extract<ProgramLookup, { fault: string }>,
): Failure {
  if (fault === 'not executable')
    return new Failure('notExecutable', `${file ?? name} cannot be executed`, `chmod +x ${file ?? name}`);
  if (fault === 'folder')
    return new Failure('notExecutable', `${file ?? name} is a folder`, 'name the program in it');
  return new Failure(
    'notFound',
    name.includes('/') ? `${name} does not exist` : `${name} is in no folder of PATH`,
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
