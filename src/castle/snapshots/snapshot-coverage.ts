import type { SnapshotCoverage } from '../events/metrics.ts';
import type { SnapshotRecord, VolumeRecord } from '../store/store.ts';

/**
 * Counts the volumes without a snapshot. Computes the age of the last snapshot of each other volume, and returns the highest
 * age.
 * @param nowMs milliseconds since 1970
 */
export function snapshotCoverage(
  volumes: readonly VolumeRecord[],
  snapshots: readonly SnapshotRecord[],
  nowMs: number,
): SnapshotCoverage {
  const last = new Map<string, number>();
  for (const { volume, state, taken } of snapshots) {
    if (state === 'ready') last.set(volume, Math.max(last.get(volume) ?? 0, Date.parse(taken)));
  }
  const times = volumes.flatMap(({ name }) => last.get(name) ?? []);
  return {
    without: volumes.length - times.length,
    oldestSeconds: times.length === 0 ? 0 : Math.max(0, (nowMs - Math.min(...times)) / 1000),
  };
}
