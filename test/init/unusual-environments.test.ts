// Unusual environments: closed descriptors, not PID 1, no /proc, a read-only root, no privileges, seccomp filters.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import t from 'tap';
import { compile } from '../kit/compile.ts';
import { childrenOf, inNamespace, Running, stat, until } from '../kit/namespace.ts';
import { pidNamespace, requires, root } from '../kit/needs.ts';
import { bailey } from './bailey-init.ts';
import { eachWay } from './reaping-ways.ts';

if (requires(t, pidNamespace)) {
  eachWay(
    t,
    'closed standard descriptors are opened on /dev/null, and no other descriptor leaks',
    async (sub, way) => {
      // The test itself may have inherited open descriptors: those below 10 are closed, others are ignored.
      const others = [3, 4, 5, 6, 7, 8, 9].map((fd) => `${fd}>&-`).join(' ');
      const files = ['/dev/zero', '/dev/full', '/dev/random'];
      // A statically linked program: a loader would open files.
      const [waiting = ''] = compile(sub, 'test/init/log-signals.c');
      for (let closed = 0; closed < 8; closed++) {
        const isClosed = (fd: number) => (closed & (1 << fd)) !== 0;
        const setUp = files.map((file, fd) => (isClosed(fd) ? `${fd}>&-` : `${fd}<>${file}`)).join(' ');
        const running = new Running([
          'sh',
          '-c',
          `exec "$0" --reap ${way} -- ${waiting} ${setUp} ${others}`,
          bailey,
        ]);
        const init = await running.pid();
        let program = 0;
        await until('the program runs', () => {
          program = childrenOf(init)[0] ?? 0;
          return stat(program)?.comm.includes('log-signals') === true;
        });
        const open = readdirSync(`/proc/${program}/fd`)
          .filter((fd) => Number(fd) < 10)
          .map((fd) => readlinkSync(`/proc/${program}/fd/${fd}`));
        await running.kill();
        sub.same(
          open,
          files.map((file, fd) => (isClosed(fd) ? '/dev/null' : file)),
          setUp,
        );
      }
    },
  );

  eachWay(t, 'bailey-init that is not process 1 adopts orphans as a subreaper', async (sub, way) => {
    const [orphans = ''] = compile(sub, 'bench/orphans.c');
    const init = spawn(bailey, ['--reap', way, '--', orphans, 'at-once', '50'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    sub.teardown(() => init.stdin.destroy());
    const words = init.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
    sub.equal((await words.next()).value, 'ready\n');
    sub.equal(childrenOf(init.pid ?? 0).length, 51, 'the orphans are children of bailey-init');
    init.stdin.write('go\n');
    sub.equal((await words.next()).value, 'done\n');
    await until('the orphans are reaped', () => childrenOf(init.pid ?? 0).length === 1);
    const code = new Promise((resolve) => init.on('exit', resolve));
    init.stdin.end();
    sub.equal(await code, 0);
  });

  eachWay(t, 'bailey-init works on a read-only root without /proc and /dev', async (sub, way) => {
    const [orphans = ''] = compile(sub, 'bench/orphans.c');
    const folder = sub.testdir({});
    const script = `set -e
      mount -t tmpfs none "$0"; cp "$1" "$0/init"; cp "$2" "$0/orphans"
      mount -o remount,ro "$0"; ! touch "$0/x" 2>/dev/null
      exec chroot "$0" /init --reap ${way} -- /orphans with-me 200 13 <&-`;
    const ended = await inNamespace(['sh', '-c', script, folder, bailey, orphans], { unshare: ['--mount'] });
    sub.same(ended, { code: 13, stdout: 'ready\n', stderr: '' });
  });

  // When root does not run the tests, every test here is unprivileged.
  if (root() === undefined) {
    eachWay(t, 'bailey-init works without any privilege', async (sub, way) => {
      const [orphans = ''] = compile(sub, 'bench/orphans.c');
      // The program is copied, because other users may have no access to the repository.
      const copy = orphans.replace(/[^/]*$/, 'bailey-init');
      copyFileSync(bailey, copy);
      const user = [
        'setpriv',
        '--reuid=1000',
        '--regid=1000',
        '--clear-groups',
        '--no-new-privs',
        '--bounding-set=-all',
      ];
      const command = [...user, copy, '--reap', way, '--', orphans, 'with-me', '200', '14'];
      sub.same(await inNamespace(command), { code: 14, stdout: 'ready\n', stderr: '' });
    });
  }

  t.test('bailey-init falls back to other system calls when a seccomp filter refuses one', async (sub) => {
    const [refuse = '', orphans = ''] = compile(sub, 'test/init/seccomp-refuse.c', 'bench/orphans.c');
    const cases: [what: string, errno: number, obstacle: string][] = [
      ['clone-pidfd', 22, 'there is no pidfd'],
      ['clone-vfork', 1, 'there is no pidfd'],
      ['clone-vfork', 38, 'there is no pidfd'],
      ['get-info', 25, 'PIDFD_GET_INFO is refused'],
      ['pidfd-send-signal', 38, 'pidfd_send_signal is refused'],
      ['epoll-create', 38, 'epoll is refused'],
      ['epoll-ctl', 1, 'epoll is refused'],
      ['epoll-wait', 38, 'epoll is refused'],
      ['signalfd', 1, 'signalfd is refused'],
      ['sigtimedwait', 38, 'sigtimedwait is refused'],
    ];
    const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number.parseFloat);
    const modern = (release[0] ?? 0) > 6 || ((release[0] ?? 0) === 6 && (release[1] ?? 0) >= 15);
    for (const [what, errno, obstacle] of cases) {
      const filtered = (...args: string[]) => [refuse, what, `${errno}`, bailey, ...args];
      for (const way of ['auto', 'wait']) {
        const quiet = await inNamespace(filtered('--reap', way, '--', orphans, 'with-me', '20', '15'));
        sub.same(quiet, { code: 15, stdout: 'ready\n', stderr: '' }, `${what}, errno ${errno}, ${way}`);
      }
      const reported = await inNamespace(filtered('--reap', 'kernel', '--', orphans, 'with-me', '20', '15'));
      sub.equal(reported.code, 15);
      const why = modern ? obstacle : 'it needs Linux 6.15';
      sub.equal(reported.stderr, `bailey-init: the kernel cannot reap (${why}), using waitpid\n`, what);
      if (what === 'sigtimedwait') continue; // signals are not forwarded without sigtimedwait
      const running = new Running(filtered('--', 'sh', '-c', 'echo up; exec sleep 60'));
      await running.line();
      process.kill(await running.pid(), 'SIGTERM');
      sub.equal((await running.ended()).code, 143, `${what}: signals still arrive`);
    }
  });

  eachWay(t, 'a full pipe as standard error does not block bailey-init', async (sub, way) => {
    const [stuck = ''] = compile(sub, 'test/init/full-stderr.c');
    const deaf = "exec 2>/dev/null; trap '' TERM; echo up; exec sleep 1000";
    const late = new Running([stuck, bailey, '--reap', way, '--stop-timeout', '50ms', 'sh', '-c', deaf]);
    sub.teardown(() => late.kill());
    sub.equal(await late.line(), 'up');
    process.kill(await late.pid(), 'SIGTERM');
    sub.equal((await late.ended()).code, 137, 'the stop timeout kills the program, and bailey-init exits');
    const orphans =
      'exec 2>/dev/null; for x in 1 2 3 4 5 6 7 8 9; do (exit 1 & exec true); done; echo up; read x; exit 4';
    const warns = new Running([stuck, bailey, '--reap', way, '--warn', 'sh', '-c', orphans]);
    sub.teardown(() => warns.kill());
    sub.equal(await warns.line(), 'up');
    const init = await warns.pid();
    await until('the orphans are reaped', () => childrenOf(init).length === 1);
    sub.equal((await warns.end('end\n')).code, 4);
  });

  t.test('an error of clone ends bailey-init with one message', async (sub) => {
    const [refuse = ''] = compile(sub, 'test/init/seccomp-refuse.c');
    const ended = await inNamespace([refuse, 'clone', '11', bailey, 'true']);
    sub.equal(ended.code, 71);
    sub.equal(
      ended.stderr,
      "bailey-init: no process could be created for 'true': Resource temporarily unavailable\n",
    );
  });

  t.test("bailey-init also works when it is linked with the system's static libc", async (sub) => {
    const folder = sub.testdir({});
    const args = ['-s', '-C', 'native', `OUT=${folder}`, 'STATIC_CC=cc', `${folder}/bailey-init`];
    const made = spawnSync('make', args, { encoding: 'utf8' });
    sub.match(made.stdout, /the system's static libc/);
    sub.ok(existsSync(`${folder}/bailey-init`), made.stderr);
    const [orphans = ''] = compile(sub, 'bench/orphans.c');
    for (const way of ['auto', 'wait'])
      sub.equal(
        (await inNamespace([`${folder}/bailey-init`, '--reap', way, orphans, 'with-me', '50', '3'])).code,
        3,
      );
    sub.equal((await inNamespace([`${folder}/bailey-init`, 'no-such-program'])).code, 127);
  });

  t.test('bailey-init needs no loader and no library', async (sub) => {
    const listed = spawnSync('ldd', [bailey], { encoding: 'utf8' });
    sub.match(listed.stdout + listed.stderr, /not a dynamic executable/);
  });
}
