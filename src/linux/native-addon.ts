import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../terminal/failure.ts';

/** A process that cannot be confused with a later one of the same number: the descriptor stays with it. */
export interface PeerProcess {
  /** Process id in the caller's PID namespace; 0 when the peer is not visible from here. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** A pidfd (close-on-exec); whoever got it closes it. */
  readonly pidfd: number;
}

/** A child that has ended: by itself, with a code, or by a signal. */
export type EndedChild =
  | { readonly pid: number; readonly code: number; readonly signal?: never }
  | { readonly pid: number; readonly signal: number; readonly code?: never };

/** What Node's own API lacks; C in native/addon. */
export interface Native {
  /**
   * Replaces this process by another program, as execv(3) does, after undoing what Node changed: ignored signals
   * and the mask, RLIMIT_NOFILE (where bailey-init still has it), O_NONBLOCK on descriptors 0 to 2; every other
   * descriptor becomes close-on-exec. The environment is this process's own, byte for byte: not every variable is
   * UTF-8, and process.env has it as text. Returns only by throwing an Error with `code` (ENOENT, EACCES, …).
   * @param path the program's file; PATH is not searched
   * @param argv all arguments, argv[0] first; a Buffer is passed on as it is
   * @param without names of variables that the program does not get
   * @param stdin descriptor that becomes its standard input; -1: it keeps ours
   */
  exec(path: string, argv: readonly (string | Buffer)[], without?: readonly string[], stdin?: number): never;
  /**
   * A file that is in memory only, may be read by this user only, and cannot be changed: memfd_create(2) (Linux 3.17),
   * sealed. Its position is its end. Throws with `code` ENOSYS or EPERM where that can't be had.
   * @returns its descriptor (close-on-exec)
   */
  memoryFile(content: Buffer): number;
  /** Gives a signal its default action again, natively, so that from here on it ends the process at once. */
  resetSignal(signal: number): void;
  /**
   * Takes an exclusive lock on an open file or folder, as flock(2) does, without waiting. The kernel takes it back when
   * the descriptor is closed, by the end of the process at the latest.
   * Throws with `code` EBADF, ENOLCK or EOPNOTSUPP where the file system has no such locks.
   * @returns false when somebody else has it
   */
  flock(fd: number): boolean;
  /**
   * fsync(2) for many files and folders at once, away from the main thread.
   * @param paths all of them, each ended by a NUL byte
   * @returns rejected with an Error that has `code` and `path` when one could not be brought to the disk
   */
  syncFiles(paths: Buffer): Promise<void>;
  /**
   * Who is at the other end of a connected unix stream socket, as the kernel recorded it at connect(2):
   * SO_PEERCRED and SO_PEERPIDFD (Linux 6.5), before 6.5 pidfd_open(2) with a second look at the credentials.
   * Throws an Error with `code` ESRCH when the peer has ended.
   * @param fd descriptor of the socket
   */
  peer(fd: number): PeerProcess;
  /** pidfd_open(2) (Linux 5.3): a descriptor for a process. Throws with `code` ESRCH when there is none. */
  pidfdOpen(pid: number): number;
  /** Whether the process of a pidfd is alive (a zombie is not). */
  pidfdAlive(pidfd: number): boolean;
  /**
   * Calls `ended` once, from the event loop, when the process of the pidfd has ended. A watch does not keep Node running.
   * The descriptor is duplicated: the caller may close its own.
   * @returns a function that stops watching
   */
  pidfdWatch(pidfd: number, ended: () => void): () => void;
  /**
   * pidfd_send_signal(2) (Linux 5.1): a signal that can't hit a later process of the same number; 0 only asks.
   * Throws with `code` ESRCH when the process has ended, EPERM when it isn't ours to signal.
   */
  pidfdSignal(pidfd: number, signal: number): void;
  /** Whether orphans among our descendants become our children: PR_SET_CHILD_SUBREAPER, prctl(2) (Linux 3.4). */
  setSubreaper(on: boolean): void;
  isSubreaper(): boolean;
  /**
   * One child that has ended and hasn't been reaped, which it isn't afterwards either; waitid(2) with WNOWAIT. As long
   * as that one isn't reaped, it may be the same again.
   */
  peekEnded(): EndedChild | undefined;
  /**
   * Reaps one child by its number, if it has ended. Never for children of Node's own child_process: libuv waits for
   * them, and their `exit` would not come any more.
   */
  reap(pid: number): EndedChild | undefined;
}

let loaded: Native | undefined;

/**
 * Loads the addon that lies beside the bundle (dist/addon.node).
 * @throws Failure when it is missing or was built for another machine
 */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

/** Takes an addon that has been loaded from elsewhere: in the injected agent, nothing lies beside the bundle. */
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
 * Beside the bundle, whatever an image calls the folder; the bundles of tests, demo and benchmarks are deeper inside the
 * repository and take its dist/. Never the working directory: whoever may write there would run code in our place.
 */
function addonFile(here: string): string {
  const beside = join(here, 'addon.node');
  const repository = /^(.*)\/build\/(?:test|demo|bench)(?:\/|$)/.exec(here)?.[1];
  return repository === undefined || existsSync(beside) ? beside : join(repository, 'dist/addon.node');
}
