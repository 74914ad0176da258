import { Copies } from './copies.ts';
import { s3Objects } from './s3.ts';
import { parsePlace } from './s3-place.ts';

/**
 * Opens the copies in the object store that `--off-host` names.
 * @throws Failure usage
 */
export async function copiesIn(text: string): Promise<Copies> {
  const place = parsePlace(text);
  return new Copies(await s3Objects(place), place.prefix);
}
