import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { accessFailure, requireFolderAccess, requireFreeSpace } from '../container/folder-access.ts';
import { lastValue, type ParsedArgument } from './remoting/parse-arguments.ts';

/** The agent's work directory, absolute, or undefined when it was given none. */
export function workDirOf(items: readonly ParsedArgument[]): string | undefined {
  const path = lastValue(items, '-workDir');
  return path === undefined || path === '' ? undefined : resolve(path);
}

/**
 * Makes sure that an agent can work in its work directory; agent.jar would say of a folder that it cannot write only
 * that it cannot, and of a full one nothing before a build fails.
 * @param mayBeMade agent.jar makes it when it is missing, unless it was given -failIfWorkDirIsMissing
 * @throws Failure 73 when it is missing and cannot be made, is no folder or is full, 77 when it may not be written
 */
export function requireWorkDir(path: string, mayCreateWorkDir: boolean): void {
  if (existsSync(path) || !mayCreateWorkDir) {
    requireFolderAccess('-workDir', path);
    requireFreeSpace('-workDir', path);
    return;
  }
  try {
    // With the dot a file is none that something could be made in, not even for root.
    accessSync(`${nearestExistingParent(path)}/.`, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw accessFailure('-workDir', path, thrown, 'be made');
  }
}

const nearestExistingParent = (path: string): string =>
  existsSync(path) || path === '/' ? path : nearestExistingParent(dirname(path));
