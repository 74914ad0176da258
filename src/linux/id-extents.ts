import { readFileSync } from 'node:fs';
import { fromAnyThread, namespaceOf } from './proc.ts';

/** Ids that stand for others, as user_namespaces(7) has them: `count` of them in a row. */
export interface Extent {
  /** The first one, where it is meant: on the disk, or inside a user namespace. */
  readonly from: number;
  /** What it is to the host. */
  readonly to: number;
  readonly count: number;
}

/** As many ids as there are: the last one, -1, is nobody's. */
export const allIds = 2 ** 32 - 1;

/** Every id stands for itself. */
export const identity: readonly Extent[] = [{ from: 0, to: 0, count: allIds }];

/**
 * What the ids in a process's user namespace are to the host.
 * @throws Error when it has ended
 */
export function idsInside(pid: number, kind: 'uid' | 'gid'): readonly Extent[] {
  // A process that asks for its own namespace is told of the one outside.
  if (namespaceOf(pid, 'user') === namespaceOf('self', 'user')) return identity;
  const text = fromAnyThread(pid, (folder) => readFileSync(`${folder}/${kind}_map`, 'utf8'));
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([from = 0, to = 0, count = 0]) => ({ from, to, count }));
}

/** What an id stands for; undefined when nothing is said of it. */
export function outside(extents: readonly Extent[], id: number): number | undefined {
  const extent = extents.find(({ from, count }) => id >= from && id < from + count);
  return extent === undefined ? undefined : extent.to + (id - extent.from);
}

/** Which id stands for another one, if any. */
export function inside(extents: readonly Extent[], id: number): number | undefined {
  const extent = extents.find(({ to, count }) => id >= to && id < to + count);
  return extent === undefined ? undefined : extent.from + (id - extent.to);
}

/** The same for all ids but one, of which nothing is said any more. */
export function without(extents: readonly Extent[], id: number): readonly Extent[] {
  return extents.flatMap((extent) => {
    const { from, to, count } = extent;
    if (id < from || id >= from + count) return [extent];
    const before = id - from;
    return [
      { from, to, count: before },
      { from: id + 1, to: to + before + 1, count: count - before - 1 },
    ].filter((part) => part.count > 0);
  });
}

/** Lets one id stand for another one, and what it stood for so far be that of the other way round: nothing is lost. */
export function exchanged(extents: readonly Extent[], from: number, to: number): readonly Extent[] {
  const previous = inside(extents, to);
  if (previous === from) return extents;
  const stoodFor = outside(extents, from);
  let rest = without(extents, from);
  if (previous !== undefined) rest = without(rest, previous);
  const other =
    previous === undefined || stoodFor === undefined ? [] : [{ from: previous, to: stoodFor, count: 1 }];
  return [...rest, { from, to, count: 1 }, ...other];
}

/**
 * Puts one map behind another: `seen` of the first is meant inside a user namespace.
 * @returns undefined when something of it is not mapped there
 */
export function through(
  extents: readonly Extent[],
  namespace: readonly Extent[],
): readonly Extent[] | undefined {
  const parts: Extent[] = [];
  for (const { from, to, count } of extents) {
    let mapped = 0;
    for (const part of namespace) {
      const first = Math.max(to, part.from);
      const end = Math.min(to + count, part.from + part.count);
      if (end <= first) continue;
      parts.push({ from: from + (first - to), to: part.to + (first - part.from), count: end - first });
      mapped += end - first;
    }
    if (mapped !== count) return undefined;
  }
  return parts;
}
