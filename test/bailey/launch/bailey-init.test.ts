/** `bailey jenkins` as PID 1 of a PID namespace: it starts itself again under bailey-init. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { pidNamespace, requires } from '../../kit/needs.ts';
import { ended, installBailey, run, start, temporaryFolder } from '../kit/bailey.ts';

if (requires(t, pidNamespace)) {
  const below = [
    'unshare',
    ...(process.getuid?.() === 0 ? [] : ['-Ur']),
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];

  t.test('PID 1 is bailey-init, and the program is its child', async (t) => {
    const folder = temporaryFolder(t);
    const home = join(folder, 'home');
    mkdirSync(home);
    const env = { PATH: process.env['PATH'], JENKINS_HOME: home, REF: join(folder, 'ref') };
    const look = [
      'sh',
      '-c',
      'cat /proc/1/comm; echo $$ $PPID; tr "\\0" " " < /proc/1/cmdline; echo; exit 7',
    ];

    const bailey = installBailey(folder, true);
    const ran = await run(bailey, { args: ['jenkins', ...look], env, below });
    t.equal(ran.code, 7, ran.stderr);
    t.equal(ran.stderr, '');
    const [comm, pids, cmdline] = ran.stdout.split('\n');
    t.equal(comm, 'bailey-init');
    t.match(pids, /^\d+ 1$/);
    const expected = `bailey-init -- ${process.execPath} ${bailey} jenkins sh -c `;
    t.equal(cmdline?.slice(0, expected.length), expected);
  });

  t.test('without bailey-init, bailey jenkins prints a warning and continues', async (t) => {
    const folder = temporaryFolder(t);
    const home = join(folder, 'home');
    mkdirSync(home);
    const env = { PATH: '/usr/bin:/bin', JENKINS_HOME: home, REF: join(folder, 'ref') };
    const ran = await run(installBailey(folder), { args: ['jenkins', 'sh', '-c', 'echo $$'], env, below });
    t.equal(ran.code, 0);
    t.equal(ran.stdout, '1\n');
    t.match(
      ran.stderr,
      /^bailey: warning: running as PID 1 without bailey-init: orphaned processes will not be reaped\. [^\n]+\n$/,
    );
  });

  t.test('bailey agent also runs under bailey-init', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'look'), '#!/bin/sh\ncat /proc/1/comm\n', { mode: 0o755 });
    const env = { PATH: process.env['PATH'] };
    const child = start(installBailey(folder, true), { args: ['agent', join(folder, 'look')], env, below });
    const ran = await ended(child);
    t.equal(ran.stdout, 'bailey-init\n', ran.stderr);
  });
}
