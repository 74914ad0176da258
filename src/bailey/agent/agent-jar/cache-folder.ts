import { accessSync, constants, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorCode, errorMessage, Failure } from '../../../terminal/failure.ts';

/**
 * Finds or creates the directory for a fetched agent.jar. Only this user and root may be able to write there, because java
 * executes the jar. Candidates in order: XDG_CACHE_HOME, the home directory and the work directory, which may survive a
 * restart of the container; then the temporary directory. A folder of another user is rejected: in the temporary directory,
 * another user may have created the name first.
 * @param workDir -workDir; it is not created here because of -failIfWorkDirIsMissing
 * @returns the absolute path of an existing directory
 * @throws Failure 73 when no candidate is usable, with the reason for each
 */
export function findCacheFolder(env: Readonly<NodeJS.ProcessEnv>, workDir: string | undefined): string {
  const { XDG_CACHE_HOME: cache, HOME: home } = env;
  const candidates = [
    ...(cache?.startsWith('/') ? [join(cache, 'bailey')] : []),
    ...(home?.startsWith('/') && home !== '/' ? [join(home, '.cache/bailey')] : []),
    ...(workDir?.startsWith('/') && existsSync(workDir) ? [join(workDir, '.bailey')] : []),
    join(tmpdir(), `bailey-${process.getuid?.() ?? 0}`),
  ];
  const faults: string[] = [];
  for (const folder of candidates) {
    const fault = prepare(folder);
    if (fault === undefined) return folder;
    faults.push(`${folder} ${fault}`);
  }
  throw new Failure(
    'cannotCreate',
    `no folder can be used for a fetched agent.jar: ${faults.join(', ')}`,
    'set XDG_CACHE_HOME to a writable folder, or put agent.jar into the image',
  );
}

/** @returns why the directory cannot be used; undefined if it can */
function prepare(folder: string): string | undefined {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stat = lstatSync(folder);
    if (!stat.isDirectory()) return 'is not a folder';
    if (stat.uid !== process.geteuid?.()) return `belongs to uid ${stat.uid}`;
    if ((stat.mode & 0o022) !== 0) return 'is writable by other users';
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (thrown) {
    return `cannot be created or written (${errorCode(thrown) ?? errorMessage(thrown)})`;
  }
}
