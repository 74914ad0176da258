import type { Command } from 'commander';
import type { Status } from '../../protocol/contract.ts';
import { addQuestion } from './ask-castle.ts';

/** `castle status`: whether it runs, and with what. */
export function addStatus(program: Command): void {
  const question = { name: 'status', description: 'tell how the castle is', path: '/v1/status', list: false };
  addQuestion<Status>(
    program,
    question,
    ({ version, pid, started, runtime, engine, backend, volumes, leases, waiting }) => [
      `castle ${version}, pid ${pid}, since ${started}`,
      `runtime ${runtime}${engine === undefined ? '' : `, engine ${engine}`}, ${backend}`,
      `${volumes} ${volumes === 1 ? 'volume' : 'volumes'}, ${leases} ${leases === 1 ? 'lease' : 'leases'}${waiting === 0 ? '' : `, ${waiting} waiting`}`,
    ],
  );
}
