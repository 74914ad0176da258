import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Which JVM a java is; other when it does not say. */
export interface JavaRuntime {
  readonly jvm: 'HotSpot' | 'OpenJ9' | 'other';
  /** `17.0.15`, as the runtime has it. */
  readonly version: string | undefined;
  /** 8 for 1.8.0. */
  readonly major: number | undefined;
}

/**
 * Which JVM would be started, without starting it: every runtime since Java 8 has a file `release` beside its bin/, and
 * the JVM itself at a place of its own. A script that starts java is `other`.
 * @param java the program's file; links are followed
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

/** OpenJ9 has a libjvm.so as well: it is looked for first. */
function jvmIn(home: string): JavaRuntime['jvm'] {
  if (['lib/j9vm', 'lib/default/libj9vm29.so'].some((path) => existsSync(join(home, path)))) return 'OpenJ9';
  return existsSync(join(home, 'lib/server/libjvm.so')) ? 'HotSpot' : 'other';
}
