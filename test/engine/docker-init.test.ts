/** `docker run --init` with bailey-init as the engine's init: whatever the image, and at a terminal. */
import { resolve } from 'node:path';
import t, { type Test } from 'tap';
import {
  docker,
  ended,
  printed,
  processes,
  run,
  runToEnd,
  start,
  untilPrinted,
  zombies,
} from '../kit/docker.ts';
import { addBusybox, addProgram, importImage, temporaryFolder } from '../kit/images.ts';
import { engine, type Need, program, requires, root } from '../kit/needs.ts';
import { Terminal, terminal } from '../kit/terminal.ts';
import { until } from '../kit/until.ts';

const init = resolve('dist/docker-init');

/** An engine that was started with `--init-path dist/docker-init`. */
async function ourInit(): Promise<Need> {
  const { stdout } = await run('docker', ['info', '--format', '{{.InitBinary}}']);
  return stdout.trim() === init ? undefined : 'needs an engine started with --init-path dist/docker-init';
}

const needsInit = await ourInit();

if (requires(t, root, engine, program('busybox'), program('tar'), () => needsInit, terminal)) {
  const image = await busybox(t);

  t.test('docker info shows the version of docker-init', async (t) => {
    t.match(await docker('info'), /^ init version: bailey-init/m);
    t.equal(await docker('info', '--format', '{{.InitCommit.ID}}'), 'bailey-init');
  });

  t.test('docker-init runs in an image with one static program only', async (t) => {
    const folder = temporaryFolder(t, 'bare');
    addProgram(folder, '/bin/busybox', 'busybox');
    const bare = await importImage(t, folder);
    for (const options of [[], ['--read-only', '--user', '1000:1000', '--cap-drop', 'ALL']]) {
      const withInit = ['--init', ...options];
      t.same(await runToEnd(bare, withInit, ['/busybox', 'echo', 'hello']), {
        code: 0,
        stdout: 'hello\n',
        stderr: '',
      });
      t.equal((await runToEnd(bare, withInit, ['/busybox', 'sh', '-c', 'kill -9 $$'])).code, 137);
      const missing = await runToEnd(bare, withInit, ['/no-such-program']);
      t.equal(missing.code, 127);
      t.match(missing.stderr, 'exec /no-such-program failed: No such file or directory');
    }
  });

  t.test('process 1 is docker-init, which reaps orphans and ends on docker stop', async (t) => {
    const container = await start(
      t,
      image,
      ['--init'],
      ['sh', '-c', 'for i in $(seq 50); do (sleep 0.2 &) ; done; echo left all; exec sleep 1000'],
    );
    await untilPrinted(container, /left all/);
    await until('only two processes are left', async () => {
      const rows = await processes(container);
      return rows.length === 2 ? rows : undefined;
    });
    t.equal(await docker('exec', container.id, 'cat', '/proc/1/comm'), 'docker-init');
    t.same(await zombies(container), []);
    await docker('stop', '--time', '60', container.id);
    t.equal(await ended(container), 143);
    t.equal(await printed(container), 'left all\n', 'docker-init printed nothing');
  });

  t.test('in docker run -it, ^Z stops neither container nor shell, and ^C reaches the program', async (t) => {
    const host = { DOCKER_HOST: process.env['DOCKER_HOST'] ?? '', TERM: 'dumb' };
    const interactive = ['run', '--rm', '--init', '--interactive', '--tty', '--network', 'none', image];
    const plain = new Terminal(
      t,
      [
        'docker',
        ...interactive,
        ...['sh', '-c', 'trap "echo got INT; exit 3" INT; echo ready; while :; do sleep 0.1; echo .; done'],
      ],
      host,
    );
    await plain.shows(/ready/);
    plain.type('\x1a');
    await plain.shows(/\.\r\n\.\r\n\.\r\n/);
    plain.type('\x03');
    await plain.shows(/got INT/);
    t.equal(await plain.ended(), 3);

    const shell = new Terminal(t, ['docker', ...interactive, 'sh'], host);
    // Characters are lost that are typed while the shell sets up its terminal.
    await until('the shell answers', () => {
      shell.type('echo $((40 + 2))\n');
      return shell.text.includes('\n42') || undefined;
    });
    shell.type('sh -c "echo runs; sleep 1000"\n');
    await shell.shows(/\nruns\r\n/);
    shell.type('\x1a');
    await shell.shows(/Stopped.*# /s);
    shell.type('fg\n');
    await shell.shows(/fg\r\n.*sh -c/s);
    shell.type('\x03');
    await shell.shows(/# /);
    shell.type('exit 5\n');
    t.equal(await shell.ended(), 5);
  });
}

t.test('the epitaph names the memory limit of the engine', async (t) => {
  if (!requires(t, root, engine, program('busybox'), program('tar'))) return;
  const folder = temporaryFolder(t, 'limited');
  await addBusybox(folder);
  addProgram(folder, 'dist/bailey-init', 'bailey-init');
  const image = await importImage(t, folder, ['ENTRYPOINT ["/bailey-init"]']);
  const eats = 'x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done';
  const limited = ['--memory', '32m', '--memory-swap', '32m'];
  const ran = await runToEnd(image, limited, ['sh', '-c', `exec sh -c '${eats}'`]);
  t.equal(ran.code, 137);
  t.match(
    ran.stderr,
    /^bailey-init: 'sh' \(process \d+\) was ended by SIGKILL, by the out-of-memory killer: limit 32 MiB, peak 32 MiB$/m,
  );
  const build = await runToEnd(image, limited, ['sh', '-c', `sh -c '${eats}'; echo ended $?; exit 0`]);
  t.same(build.code, 0);
  t.notMatch(build.stderr, 'bailey-init', 'the container survives a build that is killed');
});

async function busybox(t: Test): Promise<string> {
  const folder = temporaryFolder(t, 'busybox');
  await addBusybox(folder);
  return importImage(t, folder, ['ENV PATH=/bin']);
}
