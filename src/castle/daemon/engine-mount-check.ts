import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { EngineMountLeases } from '../leases/engine-mount-leases.ts';
import { repeatTask } from '../scheduling/repeat-task.ts';

/** The interval of the checks until a container uses the mount, in milliseconds. */
const soonMs = 1_000;
/** The interval of the checks when a container uses the mount, in milliseconds. */
const laterMs = 10_000;

export interface EngineMountCheck {
  /** Schedules a check within a second. Call it after a mount was created. */
  checkSoon(): void;
  stop(): Promise<void>;
}

/**
 * Checks the mounts on the host that were created for an engine, while such mounts exist. The castle does not know the process of
 * the container, so only the container's mounts show whether the container uses the volume.
 */
export function watchEngineMounts(engineMounts: EngineMountLeases, emit: EmitEvent): EngineMountCheck {
  const checks = repeatTask(
    async () => {
      const left = await engineMounts.endAllUnused();
      if (left.length === 0) return undefined;
      return left.some(({ engine }) => engine?.seen !== true) ? soonMs : laterMs;
    },
    {
      firstInMs: soonMs,
      failed(thrown) {
        emit(`cannot check the mounts of the engine: ${errorMessage(thrown)}`);
        return laterMs;
      },
    },
  );
  return { checkSoon: () => checks.runIn(soonMs), stop: () => checks.stop() };
}
