import { Failure } from '../../terminal/failure.ts';
import { quoted } from '../../terminal/quoted.ts';

/**
 * BAILEY_JVM: whether java gets options derived from the limits. Empty counts as not set.
 * @throws Failure 78 for a value that is neither `auto` nor `off`
 */
export function isJvmSizingEnabled(env: Readonly<Record<string, string | undefined>>): boolean {
  const value = env['BAILEY_JVM'] || 'auto';
  if (value === 'auto' || value === 'off') return value === 'auto';
  throw new Failure(
    'config',
    `BAILEY_JVM ${quoted(value)} is neither auto nor off`,
    'set it to auto or off, or remove it',
  );
}
