/**
 * Compares two versions of a plug-in, as Jenkins orders them.
 *
 * `-` counts as `.`, and the order is that of `sort -V`, except for two forms of Jenkins' automated releases (jep-229;
 * jenkinsci/docker#2328, #2361):
 * - `5.6-191.vb_47e` is a library's version followed by a release number. The complete library versions are compared first;
 *   otherwise 5.6.1-195.v65f would count as older.
 * - `1967.1969.v205` is a backport based on `1967.vdea`: a hash sorts before every number, and equal to every other hash.
 * @returns negative when `a` is older, positive when it is newer, 0 when they are equal
 */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const wrappedA = wrapping.exec(a);
  const wrappedB = wrapping.exec(b);
  if (wrappedA !== null && wrappedB !== null)
    return compareParts(wrappedA[1], wrappedB[1]) || compareParts(wrappedA[2], wrappedB[2]);
  return compareParts(a, b);
}

/** Matches an automated release; the groups are the library version and the release. */
const wrapping = /^(\d+(?:\.\d+)*)-(\d+(?:\.\d+)*\.v[0-9a-f_]+)$/;
const hash = /^v[0-9a-f_]+$/;

function compareParts(a = '', b = ''): number {
  const left = a.split(/[.-]/);
  const right = b.split(/[.-]/);
  if (![...left, ...right].some((part) => hash.test(part))) return compareFileVersions(left, right);
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const order = comparePart(left[at], right[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(a: string | undefined, b: string | undefined): number {
  if (a === b || (a !== undefined && b !== undefined && hash.test(a) && hash.test(b))) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  if (hash.test(a)) return -1;
  if (hash.test(b)) return 1;
  return compareTexts(a, b);
}

/** The part that sort -V treats as a file's suffix: compared only when the versions are equal without it. */
const suffix = /(?:\.[A-Za-z~][A-Za-z0-9~]*)*$/;

function compareFileVersions(left: readonly string[], right: readonly string[]): number {
  const [a, b] = [left.join('.'), right.join('.')];
  return compareTexts(a.replace(suffix, ''), b.replace(suffix, '')) || compareTexts(a, b);
}

/** Compares alternating text and numbers (GNU coreutils manual, "Version sort ordering"). */
function compareTexts(a: string, b: string): number {
  const chunks = /(\D*)(\d*)/y;
  for (let atA = 0, atB = 0; atA < a.length || atB < b.length; ) {
    const [wholeA, textA, numberA] = chunkAt(chunks, a, atA);
    const [wholeB, textB, numberB] = chunkAt(chunks, b, atB);
    const order =
      compareLetters(textA, textB, numberA !== '', numberB !== '') || compareNumbers(numberA, numberB);
    if (order !== 0) return order;
    atA += wholeA.length;
    atB += wholeB.length;
  }
  return 0;
}

function chunkAt(chunks: RegExp, text: string, at: number): readonly [string, string, string] {
  chunks.lastIndex = at;
  const [whole = '', letters = '', number = ''] = chunks.exec(text) ?? [];
  return [whole, letters, number];
}

/** @param digitA whether digits follow `a`; otherwise the version ends there */
function compareLetters(a: string, b: string, digitA: boolean, digitB: boolean): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = rankOf(a[at], digitA) - rankOf(b[at], digitB);
    if (order !== 0) return order;
  }
  return 0;
}

/** Returns the rank of a character in the sort order: tilde, end of the text, digit, letter, any other character. */
function rankOf(char: string | undefined, digitFollows: boolean): number {
  if (char === undefined) return digitFollows ? 0 : -1;
  if (char === '~') return -2;
  return /[A-Za-z]/.test(char) ? char.charCodeAt(0) : char.charCodeAt(0) + 0x10000;
}

/** Compares numbers of any length; an empty one sorts like 0. */
function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (left.length !== right.length) return left.length - right.length;
  if (left !== right) return left < right ? -1 : 1;
  return 0;
}
