import { closeSync, constants, openSync } from 'node:fs';
import type { Native } from '../../linux/native-addon.ts';
import { fromAnyThread, isStillThere, type ProcessIdentity } from '../../linux/proc.ts';
import type { MountNamespaceHandle } from './mounter.ts';

/** A container's first process, held by a descriptor. */
export interface HeldProcess {
  isAlive(): boolean;
  /**
   * Opens the way into the container; whoever got it closes it.
   * @throws Error when the process has ended
   */
  open(): MountNamespaceHandle;
  /** Calls back once when the process has ended. */
  onEnd(ended: () => void): void;
  close(): void;
}

/** Takes hold of processes; undefined when the process that was identified is gone. */
export type HoldProcess = (identity: ProcessIdentity) => HeldProcess | undefined;

/** Holds processes with pidfds: opened by number, then compared, so that a later process of that number isn't taken. */
export function createHoldProcess(native: Native): HoldProcess {
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
    const isAlive = () => native.pidfdAlive(pidfd);
    return {
      isAlive,
      open() {
        const entrance = entranceTo(identity.pid);
        if (isAlive()) return entrance; // so it was its number all the time
        entrance.close();
        throw new Error(`process ${identity.pid} has ended`);
      },
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

/** Linux's O_PATH, which Node has no name for: a descriptor that is good for a place only. */
const placeOnly = 0o10000000;

function entranceTo(pid: number): MountNamespaceHandle {
  return fromAnyThread(pid, (folder) => {
    const namespace = openSync(`${folder}/ns/mnt`, constants.O_RDONLY);
    try {
      const root = openSync(`${folder}/root`, placeOnly | constants.O_DIRECTORY);
      return {
        namespace,
        root,
        close() {
          closeSync(namespace);
          closeSync(root);
        },
      };
    } catch (thrown) {
      closeSync(namespace);
      throw thrown;
    }
  });
}

/** Does something in a container. */
export async function withMountNamespace<T>(
  held: HeldProcess,
  act: (entrance: MountNamespaceHandle) => Promise<T>,
): Promise<T> {
  const entrance = held.open();
  try {
    return await act(entrance);
  } finally {
    entrance.close();
  }
}
