import { readFileSync } from 'node:fs';
import { fromAnyThread, namespaceOf } from './proc.ts';

/**
 * A range of ids that is mapped to another range of the same length, as a line of /proc/PID/uid_map (user_namespaces(7)).
 * A list of extents is a map.
 */
export interface Extent {
  /** The first id on the disk, or inside a user namespace. */
  readonly from: number;
  /** The id on the host that the first one is mapped to. */
  readonly to: number;
  readonly count: number;
}

/** The number of possible ids. 2^32-1 is not an id: system calls use -1 for "no change". */
export const allIds = 2 ** 32 - 1;

/** The identity map: every id is mapped to itself. */
export const identity: readonly Extent[] = [{ from: 0, to: 0, count: allIds }];

/**
 * Returns the map from the ids in a process's user namespace to the ids on the host.
 * @throws Error when the process has ended
 */
export function idsInside(pid: number, kind: 'uid' | 'gid'): readonly Extent[] {
  // To a reader in the same user namespace, uid_map shows the ids of the parent namespace, user_namespaces(7).
  if (namespaceOf(pid, 'user') === namespaceOf('self', 'user')) return identity;
  const text = fromAnyThread(pid, (folder) => readFileSync(`${folder}/${kind}_map`, 'utf8'));
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([from = 0, to = 0, count = 0]) => ({ from, to, count }));
}

/** Returns the id that an id is mapped to; undefined when it is not mapped. */
export function outside(extents: readonly Extent[], id: number): number | undefined {
  const extent = extents.find(({ from, count }) => id >= from && id < from + count);
  return extent === undefined ? undefined : extent.to + (id - extent.from);
}

/** Returns the id that is mapped to an id; undefined when none is. */
export function inside(extents: readonly Extent[], id: number): number | undefined {
  const extent = extents.find(({ to, count }) => id >= to && id < to + count);
  return extent === undefined ? undefined : extent.from + (id - extent.to);
}

/** Returns a copy of the map in which one id is not mapped. */
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

/**
 * Maps one id to another. The id that was mapped to that target before gets the former target of the first id, so that
 * no mapped id is lost.
 */
export function exchanged(extents: readonly Extent[], from: number, to: number): readonly Extent[] {
  const previous = inside(extents, to);
  if (previous === from) return extents;
  const formerTarget = outside(extents, from);
  let rest = without(extents, from);
  if (previous !== undefined) rest = without(rest, previous);
  const other =
    previous === undefined || formerTarget === undefined
      ? []
      : [{ from: previous, to: formerTarget, count: 1 }];
  return [...rest, { from, to, count: 1 }, ...other];
}

/**
 * Composes two maps: the targets of the first are ids inside a user namespace, which the second maps to ids on the host.
 * @returns undefined when a target of the first is not mapped by the second
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
