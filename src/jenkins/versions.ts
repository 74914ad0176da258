/**
 * Compares two versions of a plug-in, as Jenkins orders them.
 *
 * `-` counts as `.`; parts that are numbers compare as numbers, others as `sort -V` would; where one version ends the
 * other is newer. Two shapes of Jenkins' automated releases (jep-229) need more (jenkinsci/docker#2328, #2361):
 * - `5.6-191.vb_47e` wraps a library's version and adds a release number: the library's is compared first, whole, or
 *   5.6.1-195.v65f would be older;
 * - `1967.1969.v205` is a backport on top of `1967.vdea`: a hash comes before every number, and before no other hash.
 * @returns negative when `a` is older, positive when it is newer, 0 when neither
 */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const wrappedA = wrapping.exec(a);
  const wrappedB = wrapping.exec(b);
  if (wrappedA !== null && wrappedB !== null)
    return compareParts(wrappedA[1], wrappedB[1]) || compareParts(wrappedA[2], wrappedB[2]);
  return compareParts(a, b);
}

/** library version, release */
const wrapping = /^(\d+(?:\.\d+)*)-(\d+(?:\.\d+)*\.v[0-9a-f_]+)$/;
const hash = /^v[0-9a-f_]+$/;

function compareParts(a = '', b = ''): number {
  const left = a.split(/[.-]/);
  const right = b.split(/[.-]/);
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
  // Here and not once for all: a collator takes a millisecond to make, and most starts compare nothing.
  return a.localeCompare(b, 'en', { numeric: true });
}
