import { Failure } from '../../terminal/failure.ts';
import { parseSize } from '../../terminal/size.ts';

/**
 * Reads a size from the command line, such as `20G`.
 * @returns bytes
 * @throws Failure usage
 */
export function readSize(size: string): number {
  const sizeBytes = parseSize(size);
  if (sizeBytes !== undefined) return sizeBytes;
  throw new Failure('usage', `${size} is not a size`, 'give a number and K, M, G or T, as in 20G');
}
