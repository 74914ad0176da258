import { closeSync, constants, openSync } from 'node:fs';
import type { Native } from '../../linux/native-addon.ts';
import { fromAnyThread, isNoProcess, isStillThere, type ProcessIdentity } from '../../linux/proc.ts';
import type { MountNamespaceHandle } from './mounter.ts';

/** A process ended before its mount namespace could be opened. The kernel has removed its mounts, or is about to. */
export class ProcessEndedError extends Error {}

/** A container's first process, identified by an open pidfd. */
export interface HeldProcess {
  isAlive(): boolean;
  /**
   * Opens the container's mount namespace and root; the caller closes them.
   * @throws ProcessEndedError
   */
  open(): MountNamespaceHandle;
  /** Calls `ended` once, when the process has ended. */
  onEnd(ended: () => void): void;
  close(): void;
}

/** Opens a pidfd of a process; undefined when that process has ended. */
export type HoldProcess = (identity: ProcessIdentity) => HeldProcess | undefined;

/** Opens pidfds by pid and compares the start time afterwards, because the kernel may have reused the pid. */
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
        let handle: MountNamespaceHandle;
        try {
          handle = openHandle(identity.pid);
        } catch (thrown) {
          // A process that is ending gives up its namespaces and its root before the pidfd reports its end (do_exit).
          if (isAlive() && !isNoProcess(thrown)) throw thrown;
          throw new ProcessEndedError(`process ${identity.pid} has ended`);
        }
        if (isAlive()) return handle; // the process still runs, so the pid was not reused
        handle.close();
        throw new ProcessEndedError(`process ${identity.pid} has ended`);
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

/** O_PATH of open(2), for which Node has no constant. The descriptor identifies a folder but cannot read it. */
const pathOnly = 0o10000000;

function openHandle(pid: number): MountNamespaceHandle {
  return fromAnyThread(pid, (folder) => {
    const namespace = openSync(`${folder}/ns/mnt`, constants.O_RDONLY);
    try {
      const root = openSync(`${folder}/root`, pathOnly | constants.O_DIRECTORY);
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

/**
 * Opens the mount namespace of a container, runs an operation with the handle, and closes the handle.
 * @throws ProcessEndedError; what the operation throws
 */
export async function withMountNamespace<T>(
  held: HeldProcess,
  operation: (handle: MountNamespaceHandle) => Promise<T>,
): Promise<T> {
  const handle = held.open();
  try {
    return await operation(handle);
  } finally {
    handle.close();
  }
}
