import { resolve } from 'node:path';
import { Failure } from './failure.ts';

/**
 * Reads the path that an option gives.
 * @returns an absolute path. Node would take a relative one that is a number, as `39123`, for a TCP port to listen on
 * @throws Failure usage when it is empty or blank
 */
export function readPath(option: string, text: string): string {
  if (text.trim() !== '') return resolve(text);
  throw new Failure('usage', `${option} is empty`, 'give a path, or omit the option');
}
