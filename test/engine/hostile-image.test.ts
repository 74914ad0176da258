/** An image with an attacker's programs: the castle mounts volumes in its containers and executes none of the programs. */
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { TlsCastle } from '../castle/kit/tls-castle.ts';
import { compile } from '../kit/compile.ts';
import * as docker from '../kit/docker.ts';
import { importImage, temporaryFolder } from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';

t.setTimeout(0);

/** The files that a careless program would execute or load when it mounts, looks up a user, or starts. */
const programs = [
  ...['bin/sh', 'bin/bash', 'bin/mount', 'bin/umount', 'sbin/mount', 'sbin/mount.ext4', 'sbin/mount.nfs'],
  ...[
    'usr/bin/mount',
    'usr/bin/umount',
    'usr/bin/nsenter',
    'usr/bin/env',
    'usr/bin/node',
    'usr/sbin/fsck.ext4',
  ],
  ...['sbin/e2fsck', 'sbin/modprobe', 'lib64/ld-linux-x86-64.so.2', 'lib/ld-linux-aarch64.so.1'],
  ...['lib/ld-musl-x86_64.so.1', 'opt/bailey/castle-mount', 'proc-self-exe'],
];

if (requires(t, root, engine, program('openssl'), program('tar'))) {
  t.test('the castle never executes a program of a hostile image', async (t) => {
    const [hostile = ''] = compile(t, 'test/castle/identity/hostile.c');
    const files = temporaryFolder(t, 'root');
    for (const folder of ['etc', 'data', 'proof', 'tmp']) mkdirSync(join(files, folder));
    for (const name of programs) {
      mkdirSync(dirname(join(files, name)), { recursive: true });
      copyFileSync(hostile, join(files, name));
    }
    writeFileSync(join(files, 'etc/ld.so.preload'), '/proc-self-exe\n');
    writeFileSync(join(files, 'etc/nsswitch.conf'), 'passwd: hostile\n');
    symlinkSync('/', join(files, 'link'));
    const image = await importImage(t, files, ['ENTRYPOINT ["/bin/sh","first"]']);

    // The container itself does nothing: the test sends the requests for it, with a token of the container.
    const tls = await TlsCastle.start(t, 'docker');
    const proof = temporaryFolder(t, 'proof');
    const container = await docker.start(t, image, [
      ...['--label', 'castle.volume=main', '--volume', `${proof}:/proof`],
    ]);
    const linked = await tls.token(container.id, 'main');
    for (const target of [
      '/link/data',
      '/proc/self/root/data',
      '/proc/1/root/data',
      '/proc/1/fd/3',
      '/proc/1/cwd',
    ]) {
      const token = await tls.token(container.id, 'main');
      t.match(
        await tls.lease(token, 'main', target),
        { status: 422, body: { error: { code: 'bad_target' } } },
        target,
      );
    }
    const { status, body } = await tls.lease(linked, 'main', '/data');
    t.equal(status, 201);
    await tls.castle.end('SIGKILL');
    await tls.castle.serve();
    t.match(await tls.lease(linked, 'main', '/data'), { status: 200, body: { id: body.id } });
    t.equal((await tls.ask(linked, 'DELETE', `/v1/leases/${body.id}`)).status, 204);
    t.equal((await tls.lease(await tls.token(container.id, 'main'), 'main', '/data')).status, 201);
    t.strictSame(readdirSync(proof), [], 'no program of the image ran');

    await docker.docker('exec', container.id, '/bin/mount');
    t.equal(readdirSync(proof).length, 1, 'a program of the image leaves a file when it runs');
  });
}
