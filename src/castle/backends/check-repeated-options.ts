import { Failure } from '../../terminal/failure.ts';

/**
 * Checks that no option of a backend is given twice: one of the two values would have no effect.
 * @param options each `NAME` or `NAME=VALUE`
 * @throws Failure usage
 */
export function checkRepeatedOptions(options: readonly string[]): void {
  const names = options.map((option) => option.split('=')[0] ?? '');
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated === undefined) return;
  throw new Failure('usage', `--backend: the option ${repeated} is given twice`, 'give each option once');
}
