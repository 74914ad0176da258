import { Failure } from '../../terminal/failure.ts';
import { shown } from '../../terminal/shown.ts';

/**
 * BAILEY_JVM: whether java gets options from the limits; empty counts as not set.
 * @throws Failure 78 for a value that is neither `auto` nor `off`
 */
export function readJvmSwitch(env: Readonly<Record<string, string | undefined>>): boolean {
  const value = env['BAILEY_JVM'] || 'auto';
  if (value === 'auto' || value === 'off') return value === 'auto';
  throw new Failure(
    'config',
    `BAILEY_JVM ${shown(value)} is not known`,
    'set it to off, or to auto, or leave it out',
  );
}
