import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../../terminal/failure.ts';

/**
 * Returns the path of castle-mount, which is in the same folder as the bundle of this module.
 * @throws Failure config when it is missing
 */
export function findMountProgram(): string {
  const program = join(dirname(fileURLToPath(import.meta.url)), 'castle-mount');
  try {
    accessSync(program, constants.X_OK);
    return program;
  } catch {
    throw new Failure(
      'config',
      `${program} is missing or not executable`,
      'copy all of dist/, or build it with npm run build',
    );
  }
}
