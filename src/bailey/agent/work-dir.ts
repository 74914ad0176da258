import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { accessFailure, requireFolderAccess, requireFreeSpace } from '../container/folder-access.ts';
import { lastValue, type ParsedArgument } from './remoting/parse-arguments.ts';

/** Returns the work directory of the agent, absolute; undefined if it has none. */
export function workDirOf(items: readonly ParsedArgument[]): string | undefined {
  const path = lastValue(items, '-workDir');
  return path === undefined || path === '' ? undefined : resolve(path);
}

/**
 * Checks that the agent can use its work directory. agent.jar itself gives no reason when it cannot write there, and
 * notices a full disk only when a build fails.
 * @param mayCreateWorkDir whether agent.jar creates a missing directory: true unless -failIfWorkDirIsMissing is given
 * @throws Failure 73 when it cannot be created, is not a directory or is full, 77 without write permission
 */
export function requireWorkDir(path: string, mayCreateWorkDir: boolean): void {
  if (existsSync(path) || !mayCreateWorkDir) {
    requireFolderAccess('-workDir', path);
    requireFreeSpace('-workDir', path);
    return;
  }
  try {
    // The dot makes this fail for a file, even for root.
    accessSync(`${nearestExistingParent(path)}/.`, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw accessFailure('-workDir', path, thrown, 'be created');
  }
}

const nearestExistingParent = (path: string): string =>
  existsSync(path) || path === '/' ? path : nearestExistingParent(dirname(path));
