import { constants } from 'node:os';
import { parseStatusFields } from '../../linux/proc.ts';

/** How a process treats one signal. */
export interface SignalState {
  readonly disposition: 'default' | 'ignored' | 'handled';
  readonly blocked: boolean;
  /** Sent, but not yet delivered. */
  readonly pending: boolean;
}

/** /proc/PID/status, reduced to the fields that are used (proc(5)). */
export interface ProcessStatus {
  /** The pid of the process in each PID namespace, from the namespace of /proc down to the namespace of the process. */
  readonly namespacePids: readonly number[];
  /** Pid of the tracer; 0 for none. */
  readonly tracer: number;
  readonly sigchld: SignalState;
}

/** Parses /proc/PID/status; missing fields (kernels before 4.1 have no NSpid) give empty values. */
export function parseStatus(text: string): ProcessStatus {
  const fields = parseStatusFields(text);
  const inMask = (name: string) => maskContains(fields.get(name) ?? '', constants.signals.SIGCHLD);
  return {
    namespacePids: (fields.get('NSpid') ?? '').split(/\s+/).filter(Boolean).map(Number),
    tracer: Number(fields.get('TracerPid') ?? 0),
    sigchld: {
      disposition: inMask('SigIgn') ? 'ignored' : inMask('SigCgt') ? 'handled' : 'default',
      blocked: inMask('SigBlk'),
      pending: inMask('SigPnd') || inMask('ShdPnd'),
    },
  };
}

/** Signal n is bit n-1 of the hexadecimal mask. */
function maskContains(mask: string, signal: number): boolean {
  return /^[0-9a-f]+$/.test(mask) && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}
