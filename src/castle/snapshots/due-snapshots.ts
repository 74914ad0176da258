import type { LeaseRecord, SnapshotRecord, VolumeRecord } from '../store/store.ts';
import type { SnapshotPlan } from './schedule-settings.ts';

/** What is known when the schedule is looked at. */
export interface ScheduleState {
  readonly volumes: readonly VolumeRecord[];
  readonly leasesOn: (volume: string) => readonly LeaseRecord[];
  readonly snapshotsOf: (volume: string) => readonly SnapshotRecord[];
  /** When one was last tried of a volume, in milliseconds since 1970. */
  readonly tried: ReadonlyMap<string, number>;
}

/**
 * The volumes of which a snapshot is to be taken now: those with a time of the schedule since their last one by schedule,
 * or since they were made. However many of these times were missed, one snapshot makes up for them. A volume that no
 * container had since then has nothing new.
 */
export function dueVolumes(plan: SnapshotPlan, nowMs: number, situation: ScheduleState): readonly string[] {
  return situation.volumes
    .filter(({ name, state }) => state === 'ready' && plan.includes(name))
    .filter((volume) => {
      const last = lastOf(volume, situation.snapshotsOf(volume.name));
      const sinceMs = Math.max(
        Date.parse(last?.taken ?? volume.created),
        situation.tried.get(volume.name) ?? 0,
      );
      const next = plan.nextAfter(sinceMs);
      return (
        next !== undefined && next <= nowMs && (last === undefined || isChanged(volume, last, situation))
      );
    })
    .map(({ name }) => name);
}

/** The last whole one by schedule; a later volume of the same name is another one. */
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
