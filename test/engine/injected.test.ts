/** dist/bailey-agent in images that were not made for it: with only java, with only glibc, and with neither. */
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { knownController } from '../bailey/kit/bailey.ts';
import * as docker from '../kit/docker.ts';
import {
  addBusybox,
  addJava,
  addProgram,
  compileJar,
  controllerSource,
  importImage,
  temporaryFolder,
} from '../kit/images.ts';
import { agentFile, engine, injectedAgent, program, requires, root } from '../kit/needs.ts';
import { until } from '../kit/until.ts';

/** The options of the documentation, without root, capabilities or a writable root. */
const injected = [
  ...['--volume', `${resolve(agentFile)}:/bailey-agent:ro`, '--entrypoint', '/bailey-agent'],
  ...['--user', '1000:1000', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
];

/** The work directory, mounted noexec. */
const work = ['--tmpfs', '/work:noexec,mode=1777', '--env', 'JENKINS_HOME=/work'];

/** The address of a controller that is never contacted. */
const controller = Object.entries(knownController).flatMap(([name, value]) => ['--env', `${name}=${value}`]);

if (requires(t, root, engine, injectedAgent, ...['javac', 'jlink', 'busybox', 'tar'].map(program))) {
  t.test('the single-file agent runs in an image that has only java', async (t) => {
    const image = await javaImage(t);

    t.test('the agent executes java under bailey-init, and leaves no process or open file', async (t) => {
      const more = ['--env', 'ORPHANS=60', '--env', 'NODE_OPTIONS=--require=/no.js'];
      const options = [...injected, ...work, ...controller, ...more];
      const container = await docker.start(t, image, options, ['-workDir', '/work/build 1']);
      await docker.untilPrinted(container, /^controller: ready/);
      t.match(
        await docker.printed(container),
        /^controller: arguments \[.*-url, http:\/\/127\.0\.0\.1:1\/, -workDir, \/work\/build 1\]$/m,
      );
      const rows = await until('two processes are left', async () => {
        const rows = await docker.processes(container);
        return rows.length === 2 ? rows : undefined;
      });
      t.match(rows, [
        { command: 'bailey-init', uid: 1000 },
        { command: 'java', uid: 1000 },
      ]);
      const java = `/proc/${rows[1]?.pid}`;
      const open = readdirSync(`${java}/fd`).map((fd) => readlinkSync(`${java}/fd/${fd}`));
      t.notMatch(open.join('\n'), /addon|bailey-agent/, 'java has no file of Bailey open');
      t.notMatch(readFileSync(`${java}/maps`, 'utf8'), /bailey-agent/, 'java has no file of Bailey mapped');
      const environment = readFileSync(`${java}/environ`, 'utf8').split('\0');
      t.ok(
        environment.includes('NODE_OPTIONS=--require=/no.js'),
        'builds have the NODE_OPTIONS of the image',
      );
      await docker.docker('stop', '--time', '60', container.id);
      t.equal(await docker.ended(container), 143);
      t.match(await docker.printed(container), /^controller: shutting down$/m);
    });

    t.test('a wrong command line is an error', async (t) => {
      const ran = await docker.runToEnd(image, injected, ['-webSocket', '-tunnel', 'h:1']);
      t.match(ran, { code: 64, stderr: /^bailey: -webSocket and -tunnel cannot be combined/ });
    });

    t.test("the agent also runs under the engine's init", async (t) => {
      const container = await docker.start(t, image, [...injected, ...work, ...controller, '--init']);
      await docker.untilPrinted(container, /^controller: ready/);
      const commands = (await docker.processes(container)).map(({ command }) => command);
      t.equal(commands.length, 2, commands.join());
      t.equal(commands[1], 'java');
    });
  });

  t.test(
    'in an image that has only glibc, the agent uses its own C++ libraries, and java does not get them',
    async (t) => {
      const folder = temporaryFolder(t, 'glibc');
      await addBusybox(folder);
      await addGlibc(folder);
      const image = await importImage(t, folder, ['ENV PATH=/bin']);
      const plain = await docker.runToEnd(image, injected, ['env']);
      t.equal(plain.code, 0, plain.stderr);
      t.notMatch(plain.stdout, /LD_PRELOAD/);
      const given = await docker.runToEnd(image, [...injected, '--env', 'LD_PRELOAD=/lib/none.so'], ['env']);
      t.match(given, { code: 0, stdout: /^LD_PRELOAD=\/lib\/none\.so$/m });

      // docker-workflow runs `cat` and searches for it in `docker top`.
      const container = await docker.start(t, image, [...injected, '--interactive'], ['cat']);
      await until('docker top shows cat', async () => {
        const rows = await docker.docker('top', container.id, '-eo', 'pid,comm');
        return / cat$/m.test(rows) ? rows : undefined;
      });
    },
  );

  t.test('in an image without glibc, a message names what is missing', async (t) => {
    const folder = temporaryFolder(t, 'static');
    await addBusybox(folder);
    const image = await importImage(t, folder, ['ENV PATH=/bin']);
    const ran = await docker.runToEnd(image, injected, ['env']);
    t.equal(ran.code, 127);
    t.match(ran.stderr, /^bailey-agent: this image has no glibc: [^\n]+; [^\n]+ use an image with glibc$/m);
  });
}

/** busybox and java; its agent.jar is test/engine/Controller.java. */
async function javaImage(t: Test): Promise<string> {
  const folder = temporaryFolder(t, 'java');
  await addBusybox(folder);
  await addJava(folder);
  await addGlibc(folder);
  mkdirSync(join(folder, 'usr/share/jenkins'), { recursive: true });
  await compileJar(t, controllerSource, join(folder, 'usr/share/jenkins/agent.jar'));
  return importImage(t, folder, ['ENV PATH=/opt/java/openjdk/bin:/bin']);
}

/** All libraries of glibc, which every image with glibc has: java needs only some of them. */
async function addGlibc(folder: string): Promise<void> {
  const { stdout } = await docker.run('ldd', [process.execPath]);
  for (const [, file = ''] of stdout.matchAll(
    /(\/\S+\/(?:lib(?:c|m|dl|pthread)|ld-linux[-\w]*)\.so\.\d) \(0x/g,
  ))
    addProgram(folder, file, file);
}
