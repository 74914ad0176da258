import { allIds, type Extent } from '../../linux/id-extents.ts';

/** What the label `castle.idmap` says: nothing is mapped, or just this. */
export type IdLabel = 'off' | readonly Extent[];

/** More than this is a slip. */
const mostExtents = 32;

/**
 * Reads `off` or `DISK:SEEN:COUNT[,…]`: ids on the disk, and what the container sees in their place.
 * @returns undefined when it is neither, or an id stands for two
 */
export function parseIdLabel(text: string): IdLabel | undefined {
  if (text === 'off') return 'off';
  const extents = text.split(',').map(parseExtent);
  if (extents.length > mostExtents || !extents.every((extent) => extent !== undefined)) return undefined;
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
  const isRight = extent.count > 0 && Math.max(extent.from, extent.to) + extent.count <= allIds;
  return isRight ? extent : undefined;
}
