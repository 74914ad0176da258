/** The addon's pidfdWatch: when it calls, and when it does not. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import t from 'tap';
import { native } from '../../src/linux/native-addon.ts';
import { run } from '../kit/docker.ts';
import { until } from '../kit/until.ts';

const openDescriptors = () => readdirSync('/proc/self/fd').length;

t.test(
  'each watch of a process calls once when the process ends; a cancelled watch does not call',
  async (t) => {
    const { pidfdOpen, pidfdWatch } = native();
    const watched = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const before = openDescriptors();
    const pidfd = pidfdOpen(watched.pid ?? 0);
    const called: string[] = [];
    const stopFirst = pidfdWatch(pidfd, () => {
      stopFirst(); // has ended already
      called.push('first');
    });
    pidfdWatch(pidfd, () => called.push('second'));
    const stopThird = pidfdWatch(pidfd, () => called.push('third'));
    stopThird();
    stopThird();
    closeSync(pidfd); // a watch uses a copy of the descriptor
    t.same(called, []);
    watched.kill('SIGKILL');
    await until('both were called', () => called.length === 2 || undefined);
    t.same(called.sort(), ['first', 'second']);
    await until('the descriptors are closed', () => openDescriptors() === before || undefined);
  },
);

t.test(
  'a watch does not keep Node running, and what its function throws is an uncaught exception',
  async (t) => {
    const addon = JSON.stringify(resolve('dist/addon.node'));
    const script = `
    const { pidfdOpen, pidfdWatch } = require(${addon});
    const watched = require('node:child_process').spawn('sleep', ['1000'], { stdio: 'ignore' });
    process.on('uncaughtException', ({ message }) => console.log('uncaught', message));
    pidfdWatch(pidfdOpen(process.pid), () => console.log('never'));
    pidfdWatch(pidfdOpen(watched.pid), () => { throw new Error('from the function'); });
    watched.kill('SIGKILL');`;
    const { code, stdout, stderr } = await run(process.execPath, ['-e', script]);
    t.equal(code, 0, stderr);
    t.equal(stdout, 'uncaught from the function\n');
  },
);

t.test('a descriptor that is not a pidfd is refused', async (t) => {
  const { pidfdOpen, pidfdWatch } = native();
  const file = openSync('/etc/passwd', 'r');
  t.throws(() => pidfdWatch(100_000, () => undefined), { code: 'EBADF' });
  t.throws(() => pidfdWatch(file, () => undefined), { code: 'EPERM' });
  closeSync(file);
  const pidfd = pidfdOpen(process.pid);
  t.throws(() => pidfdWatch(pidfd, 'no function' as never), {
    message: 'pidfdWatch takes a pidfd and a function',
  });
  closeSync(pidfd);
});
