/** The backend local uses the name of a volume as the name of a folder: no slash, no leading dot, no control character. */
export const volumeNamePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/**
 * Returns why a text is not a valid volume name, as the end of a sentence; undefined when it is valid.
 * @example `volume name "../x" ${volumeNameFault('../x')}`
 */
export function volumeNameFault(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.length > 128) return `has ${name.length} characters; 128 are the limit`;
  if (volumeNamePattern.test(name)) return undefined;
  return 'must start with a letter or digit and hold only letters, digits, _ . and -';
}
