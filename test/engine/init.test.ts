/** bailey-init as the entrypoint of containers of a real engine: default seccomp profile, uid 1000, read-only root. */
import { release } from 'node:os';
import t, { type Test } from 'tap';
import {
  type Container,
  docker,
  ended,
  printed,
  processes,
  runToEnd,
  start,
  untilPrinted,
  zombies,
} from '../kit/docker.ts';
import { addBusybox, addProgram, importImage, temporaryFolder } from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';
import { until } from '../kit/until.ts';

const unprivileged = ['--user', '1000:1000', '--read-only', '--cap-drop', 'ALL'];

if (requires(t, root, engine, program('busybox'), program('tar'))) {
  const image = await busyboxWithInit(t);

  for (const way of ['kernel', 'wait']) {
    const options = [...unprivileged, '--env', `BAILEY_REAP=${way}`];

    t.test(`--reap ${way}: the exit code of the program is that of the container`, async (t) => {
      const cases: [code: number, ...command: string[]][] = [
        [0, 'true'],
        [7, 'sh', '-c', 'exit 7'],
        [255, 'sh', '-c', 'exit 255'],
        [137, 'sh', '-c', 'kill -9 $$'],
        [127, 'no-such-program'],
        [126, '/etc/passwd'],
        [64, '--no-such-option'],
        [64],
      ];
      const ends = await Promise.all(
        cases.map(async ([code, ...command]) => ({
          code,
          command,
          ran: await runToEnd(image, options, command),
        })),
      );
      for (const { code, command, ran } of ends)
        t.equal(ran.code, code, `${command.join(' ')}: ${ran.stderr}`);
    });

    t.test(
      `--reap ${way}: docker stop reaches the program, and its exit code is the container's`,
      async (t) => {
        const script = 'trap "echo got TERM; exit 3" TERM; echo ready; while :; do sleep 0.1; done';
        const container = await start(t, image, options, ['sh', '-c', script]);
        await untilPrinted(container, /ready/);
        await docker('stop', '--time', '60', container.id);
        t.equal(await ended(container), 3);
        t.match(await printed(container), /got TERM/);
      },
    );

    t.test(`--reap ${way}: 200 orphans leave no zombie`, async (t) => {
      const container = await start(t, image, options, ['sh', '-c', leaveOrphans]);
      await endOrphans(container);
      // The shell has executed sleep, and all other processes have been reaped: there are only two rows.
      await until('only bailey-init and its program are left', async () => {
        const rows = await processes(container);
        return rows.length === 2 ? rows : undefined;
      });
      t.same(await zombies(container), []);
      const status = await docker('exec', container.id, 'cat', '/proc/1/status');
      t.match(status, /^Seccomp:\t2$/m, "the engine's default seccomp profile is on");
      t.match(status, /^Uid:\t1000\t/m);
      t.match(status, /^CapEff:\t0+$/m);
      if (way === 'kernel' && kernelReaps()) {
        t.notMatch(await printed(container), /cannot reap/, 'the kernel reaped, without a fallback');
        t.match(status, /^SigIgn:\t[0-9a-f]*1[0-9a-f]{4}$/m, 'SIGCHLD is ignored');
      }
    });
  }

  t.test('the same program leaves zombies without bailey-init', async (t) => {
    const container = await start(t, image, [...unprivileged, '--entrypoint', 'sh'], ['-c', leaveOrphans]);
    await endOrphans(container);
    const rows = await until('all orphans have ended', async () => {
      const rows = await processes(container);
      return rows.filter(({ state }) => state !== 'Z').length === 1 ? rows : undefined;
    });
    t.ok(rows.length > 100, `${rows.length - 1} zombies`);
    t.equal((await zombies(container)).length, rows.length - 1);
    await docker('kill', container.id);
  });

  t.test('bailey-init runs in an image with only one static program', async (t) => {
    const folder = temporaryFolder(t, 'bare');
    addProgram(folder, 'dist/bailey-init', 'bailey-init');
    addProgram(folder, '/bin/busybox', 'busybox');
    const bare = await importImage(t, folder, ['ENTRYPOINT ["/bailey-init"]']);
    const greeting = await runToEnd(bare, unprivileged, ['--', '/busybox', 'echo', 'hello']);
    t.same(greeting, { code: 0, stdout: 'hello\n', stderr: '' });
    t.equal((await runToEnd(bare, unprivileged, ['/busybox', 'false'])).code, 1);
    t.equal((await runToEnd(bare, unprivileged, ['/no-such-program'])).code, 127);
  });
}

/** Prints `left all` when process 1 has 200 orphans, and keeps running without children. */
const leaveOrphans = 'for i in $(seq 200); do (tail -f /dev/null &) ; done; echo left all; exec sleep 1000';

/** Ends the orphans, only once all exist: a shell that still starts some would reap the others. */
async function endOrphans(container: Container): Promise<void> {
  await untilPrinted(container, /left all/);
  await docker('exec', container.id, 'killall', 'tail');
}

async function busyboxWithInit(t: Test): Promise<string> {
  const folder = temporaryFolder(t, 'busybox');
  await addBusybox(folder);
  addProgram(folder, 'dist/bailey-init', 'usr/local/bin/bailey-init');
  return importImage(t, folder, ['ENV PATH=/usr/local/bin:/bin', 'ENTRYPOINT ["bailey-init"]']);
}

/** Since Linux 6.15 the exit status of a process can be read after the kernel has reaped it (PIDFD_INFO_EXIT). */
function kernelReaps(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 15);
}
