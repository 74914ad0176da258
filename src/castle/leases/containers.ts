import { closeSync } from 'node:fs';
import type { Native } from '../../container/native.ts';
import { isStillThere, type ProcessIdentity } from '../proc.ts';

/** A container's first process, held by a descriptor. */
export interface HeldProcess {
  readonly pidfd: number;
  isAlive(): boolean;
  /** Calls back once when the process has ended. */
  onEnd(ended: () => void): void;
  close(): void;
}

/** Takes hold of processes; undefined when the process that was identified is gone. */
export type Hold = (identity: ProcessIdentity) => HeldProcess | undefined;

/** Holds processes with pidfds: opened by number, then compared, so that a later process of that number isn't taken. */
export function holdWith(native: Native): Hold {
  return (identity) => {
    let pidfd: number;
    try {
      pidfd = native.pidfdOpen(identity.pid);
    } catch {
      return undefined;
    }
    if (!isStillThere(identity) || !native.pidfdAlive(pidfd)) {
      closeSync(pidfd);
      return undefined;
    }
    let stop: (() => void) | undefined;
    return {
      pidfd,
      isAlive: () => native.pidfdAlive(pidfd),
      onEnd(ended) {
        stop = native.pidfdWatch(pidfd, ended);
      },
      close() {
        stop?.();
        closeSync(pidfd);
      },
    };
  };
}
