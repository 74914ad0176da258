import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { EngineMountLeases } from '../leases/engine-mount-leases.ts';

/** How often we look whether a container has a mount that was made for it, in milliseconds. */
const soonMs = 1_000;
/** And once it has, whether it still does. */
const laterMs = 10_000;
/** How long a look may hold up the stop, in milliseconds. */
const lastWorkMs = 5_000;

export interface Settling {
  /** There is a new mount. */
  look(): void;
  stop(): Promise<void>;
}

/**
 * Looks after the mounts on the host for an engine, as long as there are some. No process stands for such a mount: that its
 * container has it is seen in the container's mounts, and so is that it has it no more.
 */
export function settleRegularly(engineMounts: EngineMountLeases, emit: EmitEvent): Settling {
  let stopped = false;
  let working: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function settle(): Promise<void> {
    try {
      const left = await engineMounts.endAllUnused();
      if (left.length === 0) return;
      plan(left.some(({ engine }) => engine?.seen !== true) ? soonMs : laterMs);
    } catch (thrown) {
      emit(`the engine's mounts could not be looked through: ${errorMessage(thrown)}`);
      plan(laterMs);
    }
  }

  function plan(pauseMs: number): void {
    clearTimeout(timer);
    if (stopped) return;
    timer = setTimeout(() => {
      working = settle();
    }, pauseMs).unref();
  }

  plan(soonMs);
  return {
    look: () => plan(soonMs),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await Promise.race([working, sleep(lastWorkMs, undefined, { ref: false })]);
    },
  };
}
