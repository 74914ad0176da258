import type { Command } from 'commander';
import type { Status } from '../../protocol/contract.ts';
import { addQuery } from './ask-castle.ts';

/** `castle status`: whether the castle runs, since when, and with which settings. */
export function addStatus(program: Command): void {
  const query = {
    name: 'status',
    description: 'show the state of the castle',
    path: '/v1/status',
    list: false,
  };
  addQuery<Status>(
    program,
    query,
    ({ version, pid, started, runtime, engine, backend, volumes, leases, waiting }) => ({
      lines: [
        `castle ${version}, pid ${pid}, since ${started}`,
        `runtime ${runtime}${engine === undefined ? '' : `, engine ${engine}`}, ${backend}`,
        `${counted(volumes, 'volume')}, ${counted(leases, 'lease')}${waiting === 0 ? '' : `, ${counted(waiting, 'request')} waiting`}`,
      ],
    }),
  );
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
