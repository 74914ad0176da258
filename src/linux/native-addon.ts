import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../terminal/failure.ts';

/** A process, held by a pidfd: the descriptor never refers to a later process with the same pid. */
export interface PeerProcess {
  /** Process id in the PID namespace of the caller; 0 when the peer is not visible there. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** A pidfd (close-on-exec); the caller closes it. */
  readonly pidfd: number;
}

/** A child that has ended: by exit, with a code, or by a signal. */
export type EndedChild =
  | { readonly pid: number; readonly code: number; readonly signal?: never }
  | { readonly pid: number; readonly signal: number; readonly code?: never };

/** The system calls that Node lacks; C in native/addon. Errors have the `code` of the errno, as Node's own. */
export interface Native {
  /**
   * Replaces this process by another program, as execv(3) does, after undoing what Node changed: ignored signals and the mask,
   * RLIMIT_NOFILE (if bailey-init is the parent), O_NONBLOCK on descriptors 0 to 2. Every other descriptor becomes
   * close-on-exec. The environment is passed on byte for byte, not from process.env, because variables need not be
   * valid UTF-8. It returns only by throwing (ENOENT, EACCES, …).
   * @param path file of the program; PATH is not searched
   * @param argv all arguments, argv[0] first; a Buffer is passed as it is
   * @param without names of variables that the program does not get
   * @param stdin descriptor that becomes the standard input of the program; -1: the standard input of this process
   */
  exec(path: string, argv: readonly (string | Buffer)[], without?: readonly string[], stdin?: number): never;
  /**
   * Creates a sealed file in memory that only this user can read: memfd_create(2) (Linux 3.17). The file position is at the
   * end.
   * @returns its descriptor (close-on-exec)
   * @throws ENOSYS or EPERM where the system does not allow it
   */
  memoryFile(content: Buffer): number;
  /** Gives a signal its default action (SIG_DFL), so that the kernel ends this process on it without Node. */
  resetSignal(signal: number): void;
  /**
   * Takes an exclusive lock on an open file or folder without waiting, as flock(2) does. The kernel releases it when the
   * descriptor is closed, at the latest when this process ends.
   * @returns false when another process has the lock
   * @throws EBADF, ENOLCK, or EOPNOTSUPP where the file system has no such locks
   */
  flock(fd: number): boolean;
  /**
   * Syncs many files and folders at once with fsync(2), in other threads.
   * @param paths all paths, each ended by a NUL byte
   * @returns rejected with an Error that has `code` and `path` when one of them fails
   */
  syncFiles(paths: Buffer): Promise<void>;
  /**
   * Returns the process at the other end of a connected unix stream socket, as the kernel recorded it at connect(2):
   * SO_PEERCRED and SO_PEERPIDFD (Linux 6.5); before 6.5, pidfd_open(2) and a comparison with the credentials.
   * @param fd descriptor of the socket
   * @throws ESRCH when the peer has ended
   */
  peer(fd: number): PeerProcess;
  /** Opens a pidfd: pidfd_open(2) (Linux 5.3). @throws ESRCH when the process does not exist */
  pidfdOpen(pid: number): number;
  /** Whether the process of a pidfd is alive; a zombie is not. */
  pidfdAlive(pidfd: number): boolean;
  /**
   * Calls `ended` once, from the event loop, when the process of the pidfd has ended. A watch does not keep Node running. The
   * descriptor is duplicated: the caller may close its own.
   * @returns a function that stops watching
   */
  pidfdWatch(pidfd: number, ended: () => void): () => void;
  /**
   * Sends a signal that cannot hit a later process of the same number: pidfd_send_signal(2) (Linux 5.1). Signal 0 only checks.
   * @throws ESRCH when the process has ended, EPERM when this process may not signal it
   */
  pidfdSignal(pidfd: number, signal: number): void;
  /** Sets whether orphaned descendants become children of this process: PR_SET_CHILD_SUBREAPER, prctl(2) (Linux 3.4). */
  setSubreaper(on: boolean): void;
  isSubreaper(): boolean;
  /**
   * Returns a child that has ended and was not reaped yet, and does not reap it: waitid(2) with WNOWAIT. Until the child is
   * reaped, the next call may return it again.
   */
  peekEnded(): EndedChild | undefined;
  /**
   * Reaps one child by its number, if it has ended. Never use it for children of Node's child_process: libuv waits for them,
   * and their `exit` event would be lost.
   */
  reap(pid: number): EndedChild | undefined;
}

let loaded: Native | undefined;

/**
 * Returns the addon, loaded from the file beside the bundle (dist/addon.node).
 * @throws Failure when the file is missing or was built for another machine
 */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

/** Uses an addon that was loaded elsewhere: the single-file agent has no addon file beside the bundle. */
export function useNative(addon: Native): void {
  loaded = addon;
}

function load(): Native {
  const file = addonFile(dirname(fileURLToPath(import.meta.url)));
  try {
    return createRequire(import.meta.url)(file) as Native;
  } catch (thrown) {
    throw new Failure(
      'config',
      `${file} cannot be loaded`,
      'copy all of dist/, or build it again with npm run build',
      {
        cause: thrown,
      },
    );
  }
}

/**
 * Returns the path of the addon: beside the bundle, or in dist/ for the bundles of tests, demo and benchmarks. The working
 * directory is never searched, because a user who can write there could make this program run other code.
 */
function addonFile(here: string): string {
  const beside = join(here, 'addon.node');
  const repository = /^(.*)\/build\/(?:test|demo|bench)(?:\/|$)/.exec(here)?.[1];
  return repository === undefined || existsSync(beside) ? beside : join(repository, 'dist/addon.node');
}
