import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The JVM of a java program; `other` when it is not known. */
export interface JavaRuntime {
  readonly jvm: 'HotSpot' | 'OpenJ9' | 'other';
  /** For example `17.0.15`. */
  readonly version: string | undefined;
  /** 8 for 1.8.0. */
  readonly major: number | undefined;
}

/**
 * Detects the JVM of a java program without starting it: since Java 8 every runtime has a file `release` in its home
 * directory, and the library of each JVM is in a different directory. A script that starts java counts as `other`.
 * @param java the program's file; symlinks are followed
 */
export function readJavaRuntime(java: string): JavaRuntime {
  const other = { jvm: 'other', version: undefined, major: undefined } as const;
  try {
    const home = dirname(dirname(realpathSync(java)));
    const release = readFileSync(join(home, 'release'), 'utf8');
    const version = /^JAVA_VERSION="([^"]+)"/m.exec(release)?.[1];
    const [first, second] = version?.split('.').map(Number) ?? [];
    return { jvm: jvmIn(home), version, major: first === 1 ? second : first };
  } catch {
    return other;
  }
}

/** OpenJ9 is checked first because it also has a lib/server/libjvm.so. */
function jvmIn(home: string): JavaRuntime['jvm'] {
  if (['lib/j9vm', 'lib/default/libj9vm29.so'].some((path) => existsSync(join(home, path)))) return 'OpenJ9';
  return existsSync(join(home, 'lib/server/libjvm.so')) ? 'HotSpot' : 'other';
}
