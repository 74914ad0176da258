/**
 * The example Dockerfiles are built with the command in their comments, and run. The base images are stand-ins from local files,
 * because CI reaches no image registry. The build image is a minimal Debian with node, npm, gcc and make and nothing else
 * that a build could use.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { CastleOnHost } from '../castle/kit/castle-on-host.ts';
import * as docker from '../kit/docker.ts';
import {
  addAgent,
  addBusybox,
  addJenkins,
  addLibraries,
  addNode,
  agentImage,
  importImage,
  jenkinsImage,
  madeOnce,
  temporaryFolder,
} from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';
import { until } from '../kit/until.ts';

/** Packages of Debian and npm are downloaded; the bound is far above the usual time. */
const boundMs = 900_000;
t.setTimeout(4 * boundMs);

/** Intermediate images that the builds leave. */
const stages = new Set<string>();

const programs = ['debootstrap', 'javac', 'jlink', 'busybox', 'tar'].map(program);
if (requires(t, root, engine, ...programs)) {
  const controller = `bailey-test/example-${process.pid}`;
  const agent = `bailey-test/agent-example-${process.pid}`;
  const castle = `bailey-test/castle-example-${process.pid}`;

  await t.test('the example Dockerfiles build', async (t) => {
    t.setTimeout(3 * boundMs);
    const base = await buildImage(t);
    const buildOutput = await build(t, 'Dockerfile.example', controller, base, await runtimeImage(t));
    t.match(
      buildOutput,
      /bailey-init: linked statically with the system's static libc/,
      'the build prints the libc',
    );
    // The first stage is the same, so the engine has it in its cache.
    await build(t, 'Dockerfile.agent.example', agent, base, await agentRuntimeImage(t));
    await build(t, 'Dockerfile.castle.example', castle, base, await castleRuntimeImage(t));
  });

  // Without an image the other tests would fail for the same reason.
  if (t.passing()) {
    for (const tag of [controller, agent]) tryContent(tag);
    tryController(controller);
    tryAgent(agent);
    tryCastle(castle);
  }
  t.teardown(() => docker.run('docker', ['image', 'rm', '--force', controller, agent, castle, ...stages]));
}

/** @returns the output of the build */
async function build(t: Test, file: string, tag: string, base: string, runtime: string): Promise<string> {
  const bases = { BUILD_IMAGE: base, RUNTIME_IMAGE: runtime };
  const args = Object.entries(bases).flatMap(([name, image]) => ['--build-arg', `${name}=${image}`]);
  // The classic builder is part of every engine; npm's registry is reached as this host reaches it.
  const command = [
    'build',
    '--network',
    'host',
    '--rm',
    '--force-rm',
    ...args,
    '--tag',
    tag,
    '--file',
    file,
    '.',
  ];
  const built = await docker.run('docker', command, {
    boundMs,
    env: { ...process.env, DOCKER_BUILDKIT: '0' },
  });
  const buildOutput = built.stdout + built.stderr;
  if (built.code !== 0) t.comment(buildOutput);
  t.equal(built.code, 0, `docker build --file ${file}`);
  // The image of the first stage has no name, so the test has to remove it.
  const [, stage] = /---> ([0-9a-f]+)\nStep \d+\/\d+ : FROM \$\{RUNTIME_IMAGE\}/.exec(buildOutput) ?? [];
  if (stage !== undefined) stages.add(stage);
  return buildOutput;
}

function tryContent(tag: string): void {
  t.test(`${tag} has another user than root, and only dist/ and Node from the build`, async (t) => {
    const everything = await docker.runToEnd(tag, ['--user', '0', '--entrypoint', 'find'], ['/', '-xdev']);
    const paths = everything.stdout.split('\n');
    for (const name of ['bailey', 'bailey-init', 'node'])
      t.ok(paths.includes(`/usr/local/bin/${name}`), name);
    const unwanted = paths.filter((path) => path.startsWith('/bailey/') || path.includes('node_modules'));
    t.same(unwanted, [], 'neither sources nor packages');
    const who = await docker.runToEnd(tag, ['--entrypoint', 'id'], []);
    t.match(who.stdout, /^uid=1000\(jenkins\)/);
    const found = await docker.runToEnd(tag, ['--entrypoint', 'bailey'], ['--version']);
    t.match(found, { code: 0, stdout: /^bailey \d/, stderr: '' }, 'bailey runs through its symlink');
    const check = await docker.docker('image', 'inspect', '--format', '{{json .Config.Healthcheck}}', tag);
    t.match(JSON.parse(check), { Test: ['CMD', 'bailey', 'health'], StartPeriod: 300e9 });
  });
}

function tryController(tag: string): void {
  t.test('the image runs a controller on a volume of the castle', async (t) => {
    const castle = await CastleOnHost.start(t);
    const container = await docker.start(t, tag, [...castle.options('example'), '--env', 'ORPHANS=20']);
    await docker.untilPrinted(container, /^controller: ready/);
    t.same(await docker.zombies(container), []);
    await docker.docker('stop', '--time', '60', container.id);
    t.equal(await docker.ended(container), 143);
    await castle.untilFree('example');
    t.ok(existsSync(join(castle.backend, 'example/builds/1/log')));
  });

  t.test('without CASTLE_URL the image runs a controller, and the engine reports its health', async (t) => {
    const container = await docker.start(
      t,
      tag,
      ['--health-interval', '1s'],
      ['--httpPort=9090', '--prefix=/ci'],
    );
    await docker.untilPrinted(container, /^controller: ready/);
    t.match(
      await untilHealth(container, 'healthy'),
      /^the controller answers at http:\/\/127\.0\.0\.1:9090\/ci\/health$/m,
    );
    await docker.docker('stop', '--time', '60', container.id);
    t.equal(await docker.ended(container), 143);
  });
}

function tryAgent(tag: string): void {
  t.test('the image runs an agent, and the engine reports its health', async (t) => {
    const variables = [
      'JENKINS_URL=http://127.0.0.1:8080/',
      'JENKINS_SECRET=s',
      'JENKINS_AGENT_NAME=n',
      'BAILEY_PREFLIGHT=off',
      'ORPHANS=20',
    ];
    // Without a start period, the first failed check counts.
    const checks = ['--health-interval', '1s', '--health-retries', '1', '--health-start-period', '1ms'];
    const container = await docker.start(t, tag, [...checks, ...variables.flatMap((set) => ['--env', set])]);
    await docker.untilPrinted(container, /^agent: arguments \[.*-url, http:\/\/127\.0\.0\.1:8080\/\]$/);
    t.match(await untilHealth(container, 'unhealthy'), /^bailey: the agent's java /m);
    t.same(await docker.zombies(container), []);
    await docker.docker('exec', '--detach', container.id, 'nc', '-ll', '-p', '50000', '-e', 'cat');
    t.match(
      await untilHealth(container, 'healthy'),
      /^the agent is connected to port 50000 of its controller$/m,
    );
    await docker.docker('stop', '--time', '60', container.id);
    t.equal(await docker.ended(container), 143);
  });

  t.test('the image runs a program given as arguments', async (t) => {
    const container = await docker.start(t, tag, ['--tty'], ['cat']);
    await until('docker top shows cat', async () =>
      /^\s*\d+\s+cat$/m.test(await docker.docker('top', container.id, '-eo', 'pid,comm')) ? true : undefined,
    );
    t.pass();
  });
}

/** Starts a castle in a container with the options that the Dockerfile prints, and gives a volume to another container. */
function tryCastle(tag: string): void {
  t.test('the image runs a castle with the options that the Dockerfile prints', async (t) => {
    const host = temporaryFolder(t, 'castle');
    const folders: Record<string, string> = {
      '/run/castle': join(host, 'run'),
      '/var/lib/castle': join(host, 'lib'),
      '/var/run/docker.sock': process.env['DOCKER_HOST']?.replace('unix://', '') ?? '/var/run/docker.sock',
    };
    const castle = await docker.start(t, tag, printedOptions(folders));
    await docker.untilPrinted(castle, /"event":"castle.serving"/);
    await docker.untilPrinted(castle, /"event":"engine.connected"/);

    const client = await docker.start(
      t,
      await castleClientImage(t),
      ['--label', 'castle.volume=main', '--volume', `${folders['/run/castle']}:/run/castle:ro`],
      ['node', '/ask-castle.mjs', 'main', '/data'],
    );
    await docker.untilPrinted(client, /^has its volume/);
    await docker.docker('exec', client.id, 'test', '-f', '/data/lives');
    t.equal(readFileSync(join(host, 'lib/volumes/main/lives'), 'utf8'), 'x', 'the data is on the host');
    const check = await docker.docker(
      'image',
      'inspect',
      '--format',
      '{{json .Config.Healthcheck.Test}}',
      tag,
    );
    const [, ...command] = JSON.parse(check) as string[];
    t.equal(await docker.docker('exec', castle.id, ...command), '', 'the health check succeeds');
    await docker.docker('kill', client.id);
    await docker.untilPrinted(castle, /"event":"lease.ended"/);
    await docker.docker('stop', '--time', '20', castle.id);
    t.equal(await docker.ended(castle), 0);
  });
}

/**
 * The options of `docker run` that Dockerfile.castle.example prints.
 * @param folders for each folder or socket of the host, the one to use instead
 */
function printedOptions(folders: Readonly<Record<string, string>>): readonly string[] {
  const example = readFileSync('Dockerfile.castle.example', 'utf8');
  const lines = [...example.matchAll(/^# +(--(?:pid|cap-|security-opt|volume).*) \\$/gm)];
  return lines
    .flatMap(([, line = '']) => line.split(' '))
    .map((word) => {
      const [from = '', into] = word.split(':');
      return into === undefined ? word : `${folders[from]}:${into}`;
    });
}

/** Waits for what the engine makes of the checks. @returns what the last one printed */
const untilHealth = (container: docker.Container, wanted: string): Promise<string> =>
  until(`the engine reports ${wanted}`, async () => {
    const text = await docker.docker('inspect', '--format', '{{json .State.Health}}', container.id);
    const { Status, Log } = JSON.parse(text) as { Status: string; Log: { Output: string }[] | null };
    return Status === wanted ? Log?.at(-1)?.Output : undefined;
  });

/** A stand-in for the official Node image: Debian, node and npm where that image has them, gcc and make. */
async function buildImage(t: Test): Promise<string> {
  const debian = await madeOnce('build/images/debian-bookworm', async (folder) => {
    // In a new mount namespace, so that the mount of /proc ends with the process.
    const args = ['--variant=minbase', '--include=ca-certificates,gcc,libc6-dev,make', 'bookworm', folder];
    const made = await docker.run('unshare', ['--mount', 'debootstrap', ...args], { boundMs });
    if (made.code !== 0) throw new Error(`debootstrap: exit code ${made.code}: ${made.stdout}${made.stderr}`);
  });
  const folder = join(temporaryFolder(t, 'build-image'), 'root');
  await docker.output('cp', '--archive', '--reflink=auto', debian, folder);
  // Without sources, apt can install no other packages.
  rmSync(join(folder, 'etc/apt'), { recursive: true });
  const local = join(folder, 'usr/local');
  copyFileSync(process.execPath, join(local, 'bin/node'));
  await addLibraries(folder, [process.execPath]);
  const npm = dirname(dirname(await docker.output('sh', '-c', 'readlink -f "$(command -v npm)"')));
  cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  await copyRegistrySettings(folder);
  return importImage(t, folder, ['ENV PATH=/usr/local/bin:/usr/bin:/bin']);
}

/** Copies this host's npm settings for its registry, such as a company's mirror and certificates. */
async function copyRegistrySettings(folder: string): Promise<void> {
  const setting = async (name: string) => (await docker.run('npm', ['config', 'get', name])).stdout.trim();
  const lines = [`registry=${await setting('registry')}`];
  const certificates = await setting('cafile');
  if (certificates !== '' && certificates !== 'null') {
    copyFileSync(certificates, join(folder, 'etc/registry-ca.crt'));
    lines.push('cafile=/etc/registry-ca.crt');
  }
  for (const name of ['proxy', 'https-proxy']) {
    const value = await setting(name);
    if (value !== '' && value !== 'null') lines.push(`${name}=${value}`);
  }
  mkdirSync(join(folder, 'usr/local/etc'), { recursive: true });
  writeFileSync(join(folder, 'usr/local/etc/npmrc'), `${lines.join('\n')}\n`);
}

/** A stand-in for the official Jenkins image. */
async function runtimeImage(t: Test): Promise<string> {
  const folder = await system(t);
  await addJenkins(t, folder);
  return importImage(t, folder, jenkinsImage);
}

/** A stand-in for the official image of agents. */
async function agentRuntimeImage(t: Test): Promise<string> {
  const folder = await system(t);
  await addAgent(t, folder);
  return importImage(t, folder, agentImage);
}

async function system(t: Test): Promise<string> {
  const folder = temporaryFolder(t, 'runtime-image');
  await addBusybox(folder);
  // Debian's base has the C++ library that Node needs.
  await addLibraries(folder, [process.execPath]);
  return folder;
}

/** A stand-in for node:24-slim. */
async function castleRuntimeImage(t: Test): Promise<string> {
  const folder = temporaryFolder(t, 'castle-image');
  await addBusybox(folder);
  await addNode(folder);
  return importImage(t, folder, ['ENV PATH=/usr/local/bin:/bin']);
}

/** A container that requests a volume from the castle. */
async function castleClientImage(t: Test): Promise<string> {
  const folder = temporaryFolder(t, 'client-image');
  await addBusybox(folder);
  await addNode(folder);
  mkdirSync(join(folder, 'data'));
  copyFileSync('test/engine/ask-castle.mjs', join(folder, 'ask-castle.mjs'));
  return importImage(t, folder, ['ENV PATH=/usr/local/bin:/bin']);
}
