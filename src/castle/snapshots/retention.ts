/** How many snapshots of a volume are kept, by kind. When no kind is given, all snapshots are kept. */
export interface Retention {
  /** How many of the newest snapshots are kept. */
  readonly last?: number;
  /**
   * The number of hours (UTC) for which the newest snapshot of the hour is kept; hours without a snapshot do not count. The
   * other kinds work the same way.
   */
  readonly hourly?: number;
  readonly daily?: number;
  /** Weeks begin on Monday, ISO 8601. */
  readonly weekly?: number;
  readonly monthly?: number;
}

/** The fields of a snapshot that retention depends on. */
export interface DatedSnapshot {
  readonly id: string;
  /** When it was taken, ISO 8601, UTC. */
  readonly taken: string;
}

export const retentionKinds = ['last', 'hourly', 'daily', 'weekly', 'monthly'] as const;

const weekMs = 7 * 86_400_000;
/** A Monday, in milliseconds since 1970. */
const firstMondayMs = Date.UTC(1970, 0, 5);

/** For each kind, returns a name of the period that contains a snapshot. */
const spans: Record<(typeof retentionKinds)[number], (snapshot: DatedSnapshot) => string> = {
  last: ({ id }) => id,
  hourly: ({ taken }) => taken.slice(0, '2026-01-01T00'.length),
  daily: ({ taken }) => taken.slice(0, '2026-01-01'.length),
  weekly: ({ taken }) => String(Math.floor((Date.parse(taken) - firstMondayMs) / weekMs)),
  monthly: ({ taken }) => taken.slice(0, '2026-01'.length),
};

/**
 * Returns the snapshots of one volume that are not kept, by the rules of restic's forget. Each kind keeps the newest
 * snapshot of each period, for as many of the newest periods as configured; periods without a snapshot do not count. A
 * snapshot is kept if any kind keeps it, and the newest one always is. Age alone deletes nothing: a volume without new
 * snapshots keeps those that it has.
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
