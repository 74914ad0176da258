import { InvalidArgumentError } from 'commander';

/** A user and a group, by their ids. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The largest id: 2^32 - 1 is -1, which means "no change" to chown(2). */
const largestId = 2 ** 32 - 2;

/**
 * Reads `UID:GID`.
 * @throws InvalidArgumentError
 */
export function readOwner(text: string): Owner {
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  if (uid !== undefined && gid !== undefined && Number(uid) <= largestId && Number(gid) <= largestId) {
    return { uid: Number(uid), gid: Number(gid) };
  }
  throw new InvalidArgumentError('It must be two numbers, as in 1000:1000.');
}
