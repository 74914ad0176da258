import type { LeaseRecord, SnapshotRecord, VolumeRecord } from '../store/store.ts';
import type { SnapshotPlan } from './schedule-settings.ts';

/** The state from which `dueVolumes` decides. */
export interface ScheduleState {
  readonly volumes: readonly VolumeRecord[];
  readonly leasesOn: (volume: string) => readonly LeaseRecord[];
  readonly snapshotsOf: (volume: string) => readonly SnapshotRecord[];
  /** By volume: when a snapshot was last attempted, in milliseconds since 1970. */
  readonly tried: ReadonlyMap<string, number>;
}

/**
 * Returns the volumes that are due for a snapshot: those for which a time of the schedule has passed since their last
 * scheduled snapshot, or since they were created. One snapshot makes up for all missed times. A volume that no container has
 * used since its last scheduled snapshot is not due, because its content has not changed.
 */
export function dueVolumes(plan: SnapshotPlan, nowMs: number, state: ScheduleState): readonly string[] {
  return state.volumes
    .filter(({ name, state }) => state === 'ready' && plan.includes(name))
    .filter((volume) => {
      const last = lastOf(volume, state.snapshotsOf(volume.name));
      const sinceMs = Math.max(Date.parse(last?.taken ?? volume.created), state.tried.get(volume.name) ?? 0);
      const next = plan.nextAfter(sinceMs);
      return next !== undefined && next <= nowMs && (last === undefined || isChanged(volume, last, state));
    })
    .map(({ name }) => name);
}

/**
 * Returns the last complete scheduled snapshot of a volume. Snapshots of an earlier volume with the same name do not count.
 */
function lastOf({ id }: VolumeRecord, snapshots: readonly SnapshotRecord[]): SnapshotRecord | undefined {
  return snapshots
    .filter(({ volumeId }) => volumeId === id)
    .filter(({ state, origin }) => state === 'ready' && origin === 'scheduled')
    .sort((one, other) => one.taken.localeCompare(other.taken))
    .at(-1);
}

function isChanged({ name, used }: VolumeRecord, last: SnapshotRecord, { leasesOn }: ScheduleState): boolean {
  if (last.inUse === true || leasesOn(name).length > 0) return true;
  return used !== undefined && used >= last.taken;
}
