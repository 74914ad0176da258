import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../failure.ts';

/** A process that cannot be confused with a later one of the same number: the descriptor stays with it. */
export interface PeerProcess {
  /** Process id in the caller's PID namespace; 0 when the peer is not visible from here. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** A pidfd (close-on-exec); whoever got it closes it. */
  readonly pidfd: number;
}

/** What Node's own API lacks; C in native/addon. */
export interface Native {
  /**
   * Replaces this process by another program, as execve(2) does, after undoing what Node changed: ignored signals
   * and the mask, RLIMIT_NOFILE (raised by Node at its start), O_NONBLOCK on descriptors 0 to 2; every other
   * descriptor becomes close-on-exec. Returns only by throwing an Error with `code` (ENOENT, EACCES, …).
   * @param path the program's file; PATH is not searched
   * @param argv all arguments, argv[0] first
   * @param env `NAME=value` strings
   */
  exec(path: string, argv: readonly string[], env: readonly string[]): never;
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
   * Calls `ended` once, from the event loop, when the process of the pidfd has ended. One thread with epoll serves all.
   * The descriptor is duplicated: the caller may close its own.
   * @returns a function that stops watching
   */
  pidfdWatch(pidfd: number, ended: () => void): () => void;
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
