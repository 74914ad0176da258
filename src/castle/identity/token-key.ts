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

/** The key with which a castle signs its tokens. */
export interface TokenKey {
  /** The id of the castle: a UUID, created with the key. */
  readonly castle: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

/** The largest size of the key file, in bytes. */
const longestBytes = 1024;

/**
 * Reads the key in a castle's state folder, or creates one when there is none. The caller holds the lock of the folder, so that
 * no other castle creates one at the same time.
 * @throws Failure cannotCreate, io when the file is not a key, noPermission when other users can read it
 */
export function openTokenKey(folder: string): TokenKey {
  const file = join(folder, 'token.key');
  if (!existsSync(file)) create(folder, file);
  const { castle, key } = read(file);
  return { castle, key: Buffer.from(key, 'hex') };
}

function create(folder: string, file: string): void {
  const unfinished = `${file}.new`;
  const created: KeyFile = { castle: randomUUID(), key: randomBytes(32).toString('hex') };
  try {
    rmSync(unfinished, { force: true }); // left by a castle that was killed at this point
    const fd = openSync(unfinished, 'wx', 0o600);
    try {
      writeFileSync(fd, `${JSON.stringify(created)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, file);
    const there = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    fsyncSync(there);
    closeSync(there);
  } catch (thrown) {
    throw new Failure('cannotCreate', `cannot create the token key ${file}: ${errorMessage(thrown)}`);
  }
}

function read(file: string): KeyFile {
  const { text, mode, uid } = content(file);
  if ((mode & 0o077) !== 0 || (uid !== 0 && uid !== process.getuid?.())) {
    throw new Failure(
      'noPermission',
      `other users may know the token key ${file}: it has mode ${(mode & 0o777).toString(8)} and belongs to uid ${uid}`,
      'move it away: the next start creates another key, and tokens that were created before are no longer valid',
    );
  }
  const key = parsed(text);
  if (Value.Check(KeyFile, key)) return key;
  throw new Failure(
    'io',
    `${file} is not a token key`,
    'move it away: the next start creates another key, and tokens that were created before are no longer valid',
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
    throw new Failure('io', `cannot read the token key ${file}: ${errorMessage(thrown)}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
