import { parseSize } from '../../terminal/size.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { VolumeSpec } from '../volumes/volume-catalog.ts';

/** The largest id that is somebody: -1 means nobody to chown(2). */
const largestId = 2 ** 32 - 2;
/** Who a volume belongs to unless told: the user of the official images. */
const usualId = 1000;

/** What may stand behind `docker volume create --opt`, for people. */
const known = 'known are size (as in 20G), uid and gid';

/**
 * Reads the options of a new volume: `size`, `uid` and `gid`.
 * @param options as the engine gives them; undefined or null without any
 * @throws RefusalError bad_request; what isn't understood is never guessed
 */
export function readOptions(options: unknown): VolumeSpec {
  let wish: VolumeSpec = { owner: { uid: usualId, gid: usualId }, shared: false };
  if (options === undefined || options === null) return wish;
  if (typeof options !== 'object') throw wrong('the options are no list');
  for (const [name, value] of Object.entries(options)) {
    if (typeof value !== 'string') throw wrong(`option ${name} has no text`);
    if (name === 'size') wish = { ...wish, sizeBytes: readSize(value) };
    else if (name === 'uid') wish = { ...wish, owner: { ...wish.owner, uid: readId(name, value) } };
    else if (name === 'gid') wish = { ...wish, owner: { ...wish.owner, gid: readId(name, value) } };
    else throw wrong(`there is no option ${JSON.stringify(name)}`);
  }
  return wish;
}

function readSize(value: string): number {
  const sizeBytes = parseSize(value);
  if (sizeBytes === undefined) throw wrong(`size=${value} is no size`);
  return sizeBytes;
}

function readId(name: string, value: string): number {
  if (/^\d{1,10}$/.test(value) && Number(value) <= largestId) return Number(value);
  throw wrong(`${name}=${value} is no id`);
}

const wrong = (what: string): RefusalError => new RefusalError('bad_request', what, known);
