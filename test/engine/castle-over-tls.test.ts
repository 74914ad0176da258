/** Containers without the castle's socket: bailey requests its volume over TLS with a token, on a real engine. */
import { chmodSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeCertificate } from '../bailey/kit/fake-castle.ts';
import { TlsCastle } from '../castle/kit/tls-castle.ts';
import * as docker from '../kit/docker.ts';
import { addBailey, addBusybox, addNode, importImage, jenkinsUser, temporaryFolder } from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';

const home = '/var/jenkins_home';
t.setTimeout(0);

if (requires(t, root, engine, program('openssl'), program('busybox'), program('tar'))) {
  const folder = temporaryFolder(t, 'root');
  await addBusybox(folder);
  await addNode(folder);
  addBailey(folder);
  const image = await importImage(t, folder, [
    ...['USER jenkins', `VOLUME ${home}`, 'ENV PATH=/usr/local/bin:/bin', `ENV JENKINS_HOME=${home}`],
    'ENTRYPOINT ["bailey-init","--","bailey","jenkins"]',
  ]);

  /** What a container prints when it has its storage. */
  const works = ['sh', '-c', `echo x >>${home}/lives && echo has its volume && exec sleep 600`];

  /** The folder that a container gets: the certificate to trust and, when there is one, its token. */
  function secrets(t: Test, tls: TlsCastle): string {
    const secrets = temporaryFolder(t, 'secrets');
    chmodSync(secrets, 0o755);
    copyFileSync(tls.certificate.file, join(secrets, 'ca.crt'));
    return secrets;
  }

  /** Creates a container on the host's network without starting it. */
  async function create(
    t: Test,
    tls: TlsCastle,
    secrets: string,
    options: readonly string[] = ['--label', 'castle.volume=main'],
    command: readonly string[] = works,
  ): Promise<docker.Container> {
    const env = {
      CASTLE_URL: `https://127.0.0.1:${tls.port}`,
      CASTLE_VOLUME: 'main',
      CASTLE_TOKEN_FILE: '/secrets/token',
      CASTLE_CA_FILE: '/secrets/ca.crt',
    };
    const id = await docker.docker(
      ...['create', '--network', 'host', '--volume', `${secrets}:/secrets:ro`],
      ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      ...[...options, image, ...command],
    );
    t.teardown(() => docker.run('docker', ['rm', '--force', '--volumes', id]));
    return { id };
  }

  t.test('a container gets its volume with a token that was created before its start', async (t) => {
    const tls = await TlsCastle.start(t, 'docker');
    const files = secrets(t, tls);
    const container = await create(t, tls, files);
    const out = ['--out', join(files, 'token'), '--owner', `${jenkinsUser}:${jenkinsUser}`];
    t.match(await tls.command(container.id, 'main', ...out), { code: 0, stderr: '' });
    await docker.docker('start', container.id);
    await docker.untilPrinted(container, /^has its volume/);
    t.equal(readFileSync(join(tls.castle.backend, 'main/lives'), 'utf8'), 'x\n', 'the data is on the host');
    t.match(await tls.castle.leaseOf('main'), { container: container.id, state: 'mounted', target: home });
    t.match(tls.castle.eventsNamed('volume.created'), [
      { message: new RegExp(`owner ${jenkinsUser}:${jenkinsUser}$`) },
    ]);

    // The same container is started again, with the old token in its folder.
    await docker.docker('kill', container.id);
    await tls.castle.untilFree('main');
    await docker.docker('start', container.id);
    await docker.untilPrinted(container, /is for an earlier run of container/);
    t.equal(await docker.ended(container), 77);
    t.match(await tls.command(container.id, 'main', ...out), { code: 0 });
    await docker.docker('start', container.id);
    await docker.untilPrinted(container, /^has its volume/, 2);
    t.equal(
      readFileSync(join(tls.castle.backend, 'main/lives'), 'utf8'),
      'x\nx\n',
      'with a new token the container has its data',
    );

    await docker.docker('kill', container.id);
    await tls.castle.untilFree('main');
    const token = readFileSync(join(files, 'token'), 'utf8').trim();
    t.match(await tls.lease(token, 'main', home), {
      status: 403,
      body: { error: { message: /is for container .*, which is not running$/ } },
    });
    await docker.docker('rm', '--volumes', container.id);
    t.match(await tls.lease(token, 'main', home), {
      status: 403,
      body: { error: { message: /does not exist$/ } },
    });
  });

  t.test(
    'a container gets its volume with a token that was created while it ran, for its user',
    async (t) => {
      const tls = await TlsCastle.start(t, 'docker');
      const files = secrets(t, tls);
      const container = await create(t, tls, files);
      await docker.docker('start', container.id);
      await docker.untilPrinted(
        container,
        /waiting for storage.*CASTLE_TOKEN_FILE \/secrets\/token does not exist/,
      );
      t.match(await tls.command(container.id, 'main', '--out', join(files, 'token')), { code: 0 });
      await docker.untilPrinted(container, /^has its volume/);
      t.equal(
        await docker.docker('exec', container.id, 'stat', '-c', '%u:%a', '/secrets/token'),
        `${jenkinsUser}:600`,
      );
    },
  );

  t.test('no token is created for a volume that the label does not permit', async (t) => {
    const tls = await TlsCastle.start(t, 'docker');
    const files = secrets(t, tls);
    const none = await create(t, tls, files, [], ['sleep', '600']);
    const other = await create(t, tls, files, ['--label', 'castle.volume=other'], ['sleep', '600']);
    for (const [container, why] of [
      [none, /may not use volume main: it has no label castle\.volume/],
      [other, /may not use volume main: its label castle\.volume allows only other/],
    ] as const) {
      t.match(await tls.command(container.id, 'main', '--out', join(files, 'token')), {
        code: 77,
        stderr: why,
      });
    }
    t.strictSame(readdirSync(files), ['ca.crt']);
    t.same(await tls.castle.ask('volumes'), []);
  });

  t.test('a token cannot mount a volume in another container', async (t) => {
    const tls = await TlsCastle.start(t, 'docker');
    const files = secrets(t, tls);
    const idle = ['--entrypoint', 'sleep', '--label', 'castle.volume=main'];
    const owner = await create(t, tls, files, idle, ['600']);
    await docker.docker('start', owner.id);
    writeFileSync(join(files, 'token'), await tls.token(owner.id, 'main'), { mode: 0o644 });
    const thief = await create(t, tls, files, ['--label', 'castle.volume=main']);
    await docker.docker('start', thief.id);
    t.not(await docker.ended(thief), 0);
    t.match(
      await docker.printed(thief),
      /leads to mount \d+ instead of \d+/,
      'the second container starts nothing',
    );
    t.notMatch(await docker.printed(thief), /has its volume/);
    t.same(readdirSync(join(tls.castle.backend, 'main')), [], 'nothing was written');
  });

  t.test('a castle that requires a client certificate refuses clients without one', async (t) => {
    const own = makeCertificate(temporaryFolder(t, 'client'), 'client', ['DNS:client']);
    const tls = await TlsCastle.start(t, 'docker', { options: ['--tls-client-ca', own.file] });
    const files = secrets(t, tls);
    copyFileSync(own.file, join(files, 'own.crt'));
    copyFileSync(own.keyFile, join(files, 'own.key'));
    chmodSync(join(files, 'own.key'), 0o644);
    const label = ['--label', 'castle.volume=main'];
    const without = await create(t, tls, files, [...label, '--env', 'CASTLE_TIMEOUT=1s']);
    const env = ['CASTLE_CERT_FILE=/secrets/own.crt', 'CASTLE_KEY_FILE=/secrets/own.key'];
    const with_ = await create(t, tls, files, [...label, ...env.flatMap((setting) => ['--env', setting])]);
    for (const [container, name] of [
      [without, 'token'],
      [with_, 'token'],
    ] as const) {
      writeFileSync(join(files, name), await tls.token(container.id, 'main'), { mode: 0o644 });
      await docker.docker('start', container.id);
      if (container === without) t.not(await docker.ended(container), 0, 'without a client certificate');
    }
    await docker.untilPrinted(with_, /^has its volume/);
    t.notMatch(await docker.printed(without), /has its volume/);
  });
}
