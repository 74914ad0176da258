import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { EngineMountLeases } from '../leases/engine-mount-leases.ts';
import { repeatTask } from '../scheduling/repeat-task.ts';

/** How often a mount is checked until its container has it, in milliseconds. */
const soonMs = 1_000;
/** How often it is checked after that, in milliseconds. */
const laterMs = 10_000;

export interface EngineMountCheck {
  /** A mount was created: checks it soon. */
  checkSoon(): void;
  stop(): Promise<void>;
}

/**
 * Checks the mounts on the host that were created for an engine, as long as there are any. No process stands for such a
 * mount: only the mounts of its container show that the container has it, and later that it no longer does.
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
