import { join } from 'node:path';
import { Failure } from '../../terminal/failure.ts';
import { findProgram, programFailure } from '../launch/find-program.ts';

/**
 * Finds the java of a controller: in PATH, as the official script does, else in JAVA_HOME.
 * @param path the value of PATH
 * @returns the program's file
 * @throws Failure 127 when there is none, 126 when it cannot be executed
 */
export function findJava(javaHome: string | undefined, path: string | undefined): string {
  const inPath = findProgram('java', path);
  if (!('fault' in inPath)) return inPath.file;
  if (javaHome === undefined) throw programFailure('java', inPath);
  const file = join(javaHome, 'bin/java');
  const inHome = findProgram(file, undefined);
  if (!('fault' in inHome)) return inHome.file;
  if (inHome.fault === 'missing' && inPath.fault === 'missing')
    throw new Failure(
      'notFound',
      `java is not in PATH, and ${file} does not exist`,
      'install a Java runtime in the image, or correct JAVA_HOME',
    );
  throw programFailure('java', inHome.fault === 'missing' ? inPath : inHome);
}
