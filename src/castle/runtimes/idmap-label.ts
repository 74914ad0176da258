import { allIds, type Extent } from '../../linux/id-ranges.ts';

/** The value of the label `castle.idmap`: `off` for no mapping, or the map. */
export type IdLabel = 'off' | readonly Extent[];

/** The maximum number of extents in a label. */
const extentLimit = 32;

/**
 * Parses `off` or `DISK:SEEN:COUNT[,…]`: ids on the disk, and the ids that files have in the container instead.
 * @returns undefined when the text is neither, or when two extents overlap
 */
export function parseIdLabel(text: string): IdLabel | undefined {
  if (text === 'off') return 'off';
  const extents = text.split(',').map(parseExtent);
  if (extents.length > extentLimit || !extents.every((extent) => extent !== undefined)) return undefined;
  const overlap = (side: 'from' | 'to') =>
    extents.some((one, n) =>
      extents.some(
        (other, m) => m > n && one[side] < other[side] + other.count && other[side] < one[side] + one.count,
      ),
    );
  return overlap('from') || overlap('to') ? undefined : extents;
}

function parseExtent(text: string): Extent | undefined {
  const [, from, to, count] = /^(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  if (from === undefined || to === undefined || count === undefined) return undefined;
  const extent = { from: Number(from), to: Number(to), count: Number(count) };
  const isValid = extent.count > 0 && Math.max(extent.from, extent.to) + extent.count <= allIds;
  return isValid ? extent : undefined;
}
