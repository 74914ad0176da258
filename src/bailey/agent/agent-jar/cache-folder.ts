import { accessSync, constants, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorCode, errorMessage, Failure } from '../../../terminal/failure.ts';

/**
 * A folder for what is fetched, and is a program that we will become: nobody but this user (and root) may write there.
 * Where a container is started again it may be there already: XDG_CACHE_HOME, the home folder, the work dir; else it is
 * below the temporary folder, where everybody may have made one of that name before us: such a one is not used.
 * @param workDir -workDir; it is not made here, since -failIfWorkDirIsMissing may want it to be there
 * @returns its absolute path; it exists
 * @throws Failure 73 when there is none, with what is wrong with each
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
    `there is no folder to fetch agent.jar into: ${faults.join(', ')}`,
    'set XDG_CACHE_HOME to one that can be written, or put agent.jar into the image',
  );
}

/** What is wrong with it; undefined: nothing. */
function prepare(folder: string): string | undefined {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stat = lstatSync(folder);
    if (!stat.isDirectory()) return 'is not a folder';
    if (stat.uid !== process.geteuid?.()) return `belongs to uid ${stat.uid}`;
    if ((stat.mode & 0o022) !== 0) return 'may be written by others';
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (thrown) {
    return `cannot be made or written (${errorCode(thrown) ?? errorMessage(thrown)})`;
  }
}
