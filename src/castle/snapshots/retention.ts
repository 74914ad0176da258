/** How many snapshots of a volume are kept of each kind; none of any: all of them. */
export interface Retention {
  /** The newest ones. */
  readonly last?: number;
  /** The newest one of each of the newest hours that have any, by the clock of UTC; the others likewise. */
  readonly hourly?: number;
  readonly daily?: number;
  /** Weeks begin on Monday, ISO 8601. */
  readonly weekly?: number;
  readonly monthly?: number;
}

/** A snapshot, as far as its age matters. */
export interface DatedSnapshot {
  readonly id: string;
  /** When it was taken, ISO 8601, UTC. */
  readonly taken: string;
}

export const retentionKinds = ['last', 'hourly', 'daily', 'weekly', 'monthly'] as const;

const weekMs = 7 * 86_400_000;
/** A Monday, in milliseconds since 1970. */
const firstMondayMs = Date.UTC(1970, 0, 5);

/** The span of time that a snapshot is in, of each kind. */
const spans: Record<(typeof retentionKinds)[number], (snapshot: DatedSnapshot) => string> = {
  last: ({ id }) => id,
  hourly: ({ taken }) => taken.slice(0, '2026-01-01T00'.length),
  daily: ({ taken }) => taken.slice(0, '2026-01-01'.length),
  weekly: ({ taken }) => String(Math.floor((Date.parse(taken) - firstMondayMs) / weekMs)),
  monthly: ({ taken }) => taken.slice(0, '2026-01'.length),
};

/**
 * Which snapshots of one volume are not kept, as restic's forget decides it: each kind keeps the newest snapshot of each
 * of so many spans of time, counting only spans that have one, from the newest on. What any kind keeps is kept, and the
 * newest one always. Time alone removes nothing: a volume of which none is taken any more keeps what it has.
 */
export function expiredSnapshots<T extends DatedSnapshot>(
  snapshots: readonly T[],
  retention: Retention,
): readonly T[] {
  if (retentionKinds.every((kind) => retention[kind] === undefined)) return [];
  const newestFirst = [...snapshots].sort(
    (one, other) => other.taken.localeCompare(one.taken) || other.id.localeCompare(one.id),
  );
  const kept = new Set(newestFirst.slice(0, 1));
  for (const kind of retentionKinds) {
    const seen = new Set<string>();
    for (const snapshot of newestFirst) {
      const span = spans[kind](snapshot);
      if (seen.has(span)) continue;
      if (seen.size >= (retention[kind] ?? 0)) break;
      seen.add(span);
      kept.add(snapshot);
    }
  }
  return newestFirst.filter((snapshot) => !kept.has(snapshot));
}
