import { readdirSync, readlinkSync } from 'node:fs';
import { errorCode } from '../../terminal/failure.ts';
import { procfs, readProcFile } from '../processes/proc-file.ts';

/** One line of /proc/PID/net/tcp or tcp6 (Documentation/networking/proc_net_tcp.rst), reduced to the fields that are used. */
export interface TcpSocket {
  readonly localPort: number;
  readonly remotePort: number;
  readonly state: 'established' | 'listening' | 'other';
  /** Number of consecutive retransmits without an acknowledgement. */
  readonly retransmits: number;
  readonly uid: number;
  readonly inode: string;
}

const states: Readonly<Record<string, TcpSocket['state']>> = { '01': 'established', '0A': 'listening' };

/**
 * Returns the TCP sockets of a process, IPv4 and IPv6, identified by /proc/PID/fd. Only the same user may read that, and root
 * only with CAP_SYS_PTRACE; without it the result is all sockets of the process's user in its network namespace.
 * @param uid the user of the process
 */
export function tcpSockets(pid: number, uid: number): readonly TcpSocket[] {
  const own = socketInodes(pid);
  return ['tcp', 'tcp6']
    .flatMap((name) => (readProcFile(`${procfs}/${pid}/net/${name}`) ?? '').split('\n').slice(1))
    .flatMap((line) => parseSocketLine(line) ?? [])
    .filter((socket) => (own === undefined ? socket.uid === uid : own.has(socket.inode)));
}

function socketInodes(pid: number): ReadonlySet<string> | undefined {
  const folder = `${procfs}/${pid}/fd`;
  const inodes = new Set<string>();
  try {
    for (const fd of readdirSync(folder)) {
      const link = readLink(`${folder}/${fd}`);
      const [, inode] = /^socket:\[(\d+)\]$/.exec(link) ?? [];
      if (inode !== undefined) inodes.add(inode);
    }
    return inodes;
  } catch {
    return undefined;
  }
}

/** @returns an empty string for a descriptor that was closed meanwhile */
function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return '';
    throw thrown;
  }
}

/** Fields: number, local and remote address (hex, `ADDRESS:PORT`), state, queues, timer, retransmits, uid, timeout, inode. */
function parseSocketLine(line: string): TcpSocket | undefined {
  const [, local, remote, state = '', , , retransmits = '', uid, , inode] = line.trim().split(/\s+/);
  if (local === undefined || remote === undefined || inode === undefined) return undefined;
  return {
    localPort: port(local),
    remotePort: port(remote),
    state: states[state] ?? 'other',
    retransmits: Number.parseInt(retransmits, 16),
    uid: Number(uid),
    inode,
  };
}

const port = (address: string): number => Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);
