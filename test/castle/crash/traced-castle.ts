import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { until } from '../../kit/until.ts';

/**
 * strace counts the calls of each thread separately, so a castle that is killed at one of them has a single thread for file
 * operations.
 */
export const oneThread = { ...process.env, UV_THREADPOOL_SIZE: '1' };

/** Kills a process when it enters the nth of these system calls, which is then not executed. */
export async function traced(pid: number, calls: string, nth: number): Promise<ChildProcess> {
  const inject = `inject=${calls}:signal=KILL:when=${nth}`;
  const options = ['-f', '-qq', '-p', String(pid), '-e', `trace=${calls}`, '-e', inject];
  const tracer = spawn('strace', options, { stdio: 'ignore' });
  const status = () => readFileSync(`/proc/${pid}/status`, 'utf8');
  await until('strace is attached', () => /^TracerPid:\s+[1-9]/m.test(status()) || undefined);
  return tracer;
}

/** Makes the castle's writes to its store fail as on a full disk. @returns a function that ends the fault */
export async function withoutRoom(pid: number): Promise<() => Promise<void>> {
  const calls = 'pwrite64,pwritev,fdatasync';
  const inject = `inject=${calls}:error=ENOSPC`;
  const options = ['-f', '-qq', '-p', String(pid), '-e', `trace=${calls}`, '-e', inject];
  const tracer = spawn('strace', options, { stdio: 'ignore' });
  const status = () => readFileSync(`/proc/${pid}/status`, 'utf8');
  await until('strace is attached', () => /^TracerPid:\s+[1-9]/m.test(status()) || undefined);
  return async () => {
    tracer.kill('SIGTERM');
    await once(tracer, 'close');
  };
}
