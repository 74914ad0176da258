import { Copies } from './copies.ts';
import { s3Objects } from './s3.ts';
import type { S3Place } from './s3-place.ts';

/** Opens the copies in the object store that `--off-host` names. */
export async function copiesIn(place: S3Place): Promise<Copies> {
  return new Copies(await s3Objects(place), place.prefix);
}
