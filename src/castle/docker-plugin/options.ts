import { parseSize } from '../../terminal/size.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { VolumeSpec } from '../volumes/volume-catalog.ts';

/** The largest id: 2^32 - 1 is -1, which means "no change" to chown(2). */
const largestId = 2 ** 32 - 2;
/** The default owner of a volume: the user of the official images. */
const defaultId = 1000;

/** The options of `docker volume create --opt`, for messages. */
const remedy = 'use size (as in 20G), uid or gid';

/**
 * Reads the options of a new volume: `size`, `uid` and `gid`.
 * @param options as the engine sends them; undefined or null without any
 * @throws RefusalError bad_request for an unknown option or an invalid value
 */
export function readOptions(options: unknown): VolumeSpec {
  let spec: VolumeSpec = { owner: { uid: defaultId, gid: defaultId }, shared: false };
  if (options === undefined || options === null) return spec;
  if (typeof options !== 'object') throw wrong('Opts is not an object');
  for (const [name, value] of Object.entries(options)) {
    if (typeof value !== 'string') throw wrong(`the value of option ${name} is not a string`);
    if (name === 'size') spec = { ...spec, sizeBytes: readSize(value) };
    else if (name === 'uid') spec = { ...spec, owner: { ...spec.owner, uid: readId(name, value) } };
    else if (name === 'gid') spec = { ...spec, owner: { ...spec.owner, gid: readId(name, value) } };
    else throw wrong(`unknown option ${JSON.stringify(name)}`);
  }
  return spec;
}

function readSize(value: string): number {
  const sizeBytes = parseSize(value);
  if (sizeBytes === undefined) throw wrong(`size=${value} is not a size`);
  return sizeBytes;
}

function readId(name: string, value: string): number {
  if (/^\d{1,10}$/.test(value) && Number(value) <= largestId) return Number(value);
  throw wrong(`${name}=${value} is not an id`);
}

const wrong = (what: string): RefusalError => new RefusalError('bad_request', what, remedy);
