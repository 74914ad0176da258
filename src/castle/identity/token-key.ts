import { randomBytes, randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { errorMessage, Failure } from '../../terminal/failure.ts';

const KeyFile = Type.Object({
  castle: Type.String({ pattern: '^[0-9a-f-]{36}$' }),
  key: Type.String({ pattern: '^[0-9a-f]{64}$' }),
});
type KeyFile = Static<typeof KeyFile>;

/** With what a castle signs its tokens. */
export interface TokenKey {
  /** Which castle this is: a UUID, made with the key. */
  readonly castle: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

/** A file of the key is not longer, in bytes. */
const longestBytes = 1024;

/**
 * The key in a castle's state folder; made when there is none. The folder is claimed by then: nobody else makes one.
 * @throws Failure cannotCreate, io when what is there is no key, noPermission when others may read it
 */
export function openTokenKey(folder: string): TokenKey {
  const file = join(folder, 'token.key');
  if (!existsSync(file)) make(folder, file);
  const { castle, key } = read(file);
  return { castle, key: Buffer.from(key, 'hex') };
}

function make(folder: string, file: string): void {
  const unfinished = `${file}.new`;
  const made: KeyFile = { castle: randomUUID(), key: randomBytes(32).toString('hex') };
  try {
    rmSync(unfinished, { force: true }); // of a castle that was killed here
    const fd = openSync(unfinished, 'wx', 0o600);
    try {
      writeFileSync(fd, `${JSON.stringify(made)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, file);
    const there = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    fsyncSync(there);
    closeSync(there);
  } catch (thrown) {
    throw new Failure('cannotCreate', `the key for tokens ${file} cannot be made: ${errorMessage(thrown)}`);
  }
}

function read(file: string): KeyFile {
  const { text, mode, uid } = content(file);
  if ((mode & 0o077) !== 0 || (uid !== 0 && uid !== process.getuid?.())) {
    throw new Failure(
      'noPermission',
      `the key for tokens ${file} may be known to others: it has mode ${(mode & 0o777).toString(8)} and belongs to uid ${uid}`,
      'move it away: the next start makes another one, and tokens that are out are worth nothing then',
    );
  }
  const key = parsed(text);
  if (Value.Check(KeyFile, key)) return key;
  throw new Failure(
    'io',
    `${file} is no key for tokens`,
    'move it away: the next start makes another one, and tokens that are out are worth nothing then',
  );
}

function content(file: string): { readonly text: string; readonly mode: number; readonly uid: number } {
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { mode, uid, size } = fstatSync(fd);
      const isOne = (mode & constants.S_IFMT) === constants.S_IFREG && size <= longestBytes;
      return { text: isOne ? readFileSync(fd, 'utf8') : '', mode, uid };
    } finally {
      closeSync(fd);
    }
  } catch (thrown) {
    throw new Failure('io', `the key for tokens ${file} cannot be read: ${errorMessage(thrown)}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
