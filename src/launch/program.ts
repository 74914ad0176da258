import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, Failure } from '../failure.ts';

/** A program that can be executed, or why it can't: the shell's two reasons (POSIX, exit 127 and 126). */
export type Found =
  | { readonly file: string }
  | { readonly fault: 'missing' | 'not executable'; readonly file?: string };

/**
 * Finds a program as a shell does: a name with a slash is the file; else the folders of PATH are searched, and a file
 * that cannot be executed is remembered but does not end the search.
 * @param path the value of PATH; an empty entry means the current folder
 */
export function findProgram(name: string, path: string | undefined): Found {
  const candidates = name.includes('/')
    ? [name]
    : (path ?? '').split(':').map((folder) => join(folder || '.', name));
  let refused: string | undefined;
  for (const file of candidates) {
    const state = look(file);
    if (state === 'executable') return { file };
    if (state === 'not executable') refused ??= file;
  }
  return refused === undefined ? { fault: 'missing' } : { fault: 'not executable', file: refused };
}

/**
 * Finds a program that somebody asked for by name.
 * @throws Failure 127 when there is none, 126 when it cannot be executed
 */
export function requireProgram(name: string, path: string | undefined): string {
  const found = findProgram(name, path);
  if ('fault' in found) throw programFailure(name, found);
  return found.file;
}

/** The failure for a program that was not found or cannot be executed. */
export function programFailure(name: string, { fault, file }: Extract<Found, { fault: string }>): Failure {
  if (fault === 'not executable')
    return new Failure('notExecutable', `${file ?? name} cannot be executed`, `chmod +x ${file ?? name}`);
  return new Failure(
    'notFound',
    name.includes('/') ? `${name} does not exist` : `${name} is in no folder of PATH`,
    'install it in the image, or correct the name',
  );
}

function look(file: string): 'executable' | 'not executable' | 'missing' {
  try {
    if (!statSync(file).isFile()) return 'not executable';
    accessSync(file, constants.X_OK);
    return 'executable';
  } catch (thrown) {
    const code = errorCode(thrown);
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'not executable';
  }
}
