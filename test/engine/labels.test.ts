/** The labels of the orchestrator on a real engine: the size of a volume, its snapshot, and whether it is read-only. */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readLabels } from '../../src/castle/runtimes/labels.ts';
import { loopDevices, untilNoLoops } from '../castle/backends/loop/loop-host.ts';
import { CastleOnHost } from '../castle/kit/castle-on-host.ts';
import { order, taken } from '../castle/snapshots/snapshot-host.ts';
import * as docker from '../kit/docker.ts';
import { addBusybox, addNode, addProgram, importImage, jenkinsUser, temporaryFolder } from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';

const home = '/var/jenkins_home';
t.setTimeout(0);

if (requires(t, root, engine, loopDevices, program('mkfs.ext4'), program('busybox'))) {
  const folder = temporaryFolder(t, 'root');
  await addBusybox(folder);
  await addNode(folder);
  addProgram(folder, 'test/castle/kit/test-container.mjs', 'test-container.mjs');
  const image = await importImage(t, folder, ['USER jenkins', `VOLUME ${home}`]);

  /** Runs a container that requests the volume main and then runs a command. */
  async function ask(
    t: Test,
    castle: CastleOnHost,
    labels: readonly string[],
    command: string,
    meanwhile: () => Promise<void> = async () => undefined,
  ) {
    const given = [...castle.options('main'), ...labels.flatMap((label) => ['--label', label])];
    const container = await docker.start(t, image, [...given, '--interactive'], ['sleep', '600']);
    const calls = [
      { call: ['POST', '/v1/leases', { volume: 'main', target: home }] },
      { run: ['sh', '-c', `${command}; echo done`] },
    ];
    const lines = calls.map((call) => JSON.stringify(call)).join('\n');
    const script = `echo '${lines.replaceAll("'", "'\\''")}' | node /test-container.mjs /run/castle/castle.sock`;
    const output = await docker.docker('exec', container.id, 'sh', '-c', script);
    await meanwhile();
    await docker.docker('kill', container.id);
    await castle.untilFree('main');
    const [, lease = '', ran = ''] = output.split('\n');
    return { lease: JSON.parse(lease).value, ran: ran };
  }

  for (const loop of ['size=64M', undefined]) {
    const kind = loop === undefined ? 'local' : 'loop';

    t.test(
      `${kind}: a container with castle.readonly can read its volume and cannot write to it`,
      async (t) => {
        const castle = await CastleOnHost.start(t, 'docker', loop === undefined ? {} : { loop });
        const write = `echo kept >${home}/data && stat -c %u:%g ${home}`;
        const first = await ask(t, castle, ['castle.readonly=false'], write);
        t.match(first.lease, { status: 201 });
        t.match(
          first.ran,
          `${jenkinsUser}:${jenkinsUser}`,
          'the volume belongs to the user of the first container',
        );
        const second = await ask(
          t,
          castle,
          ['castle.readonly=true'],
          `cat ${home}/data; touch ${home}/new || echo no`,
          async () => {
            const { status, text } = await castle.call('DELETE', '/v1/volumes/main');
            t.equal(status, 409, `a volume in use is not deleted: ${text}`);
          },
        );
        t.match(second.lease, { status: 201, body: { readonly: true } });
        t.match(second.ran, /kept.*no.*done/);
        const third = await ask(t, castle, ['castle.readonly=yes'], 'true');
        t.match(third.lease, { status: 403, body: { error: { message: /label castle.readonly="yes"/ } } });
        await untilNoLoops(castle.backend);
      },
    );
  }

  t.test('castle.size sets the size of a new volume, and an invalid size is refused', async (t) => {
    const castle = await CastleOnHost.start(t, 'docker', { loop: 'size=64M' });
    const wrong: [string, RegExp][] = [
      ['20', /label castle.size="20"/],
      ['-1G', /label castle.size/],
      ['1e3G', /label castle.size/],
      ['9999999999T', /label castle.size/],
      ['1M', /cannot be created with 1M: ext4 needs at least 16M/],
    ];
    for (const [size, sentence] of wrong) {
      const { lease } = await ask(t, castle, [`castle.size=${size}`], 'true');
      t.match(lease, { status: 403, body: { error: { code: 'not_permitted', message: sentence } } }, size);
    }
    t.match(
      (await ask(t, castle, ['castle.size=1000T'], 'true')).lease,
      { status: 503 },
      'more than the free space',
    );
    t.same(readdirSync(castle.backend), []);
    t.match((await ask(t, castle, ['castle.size=20M'], 'true')).lease, { status: 201 });
    const [name = ''] = readdirSync(castle.backend);
    t.equal(statSync(join(castle.backend, name)).size, 20 * 2 ** 20);
    t.match(
      (await ask(t, castle, ['castle.size=64M'], 'true')).lease,
      { status: 201 },
      'the size of an existing volume is not checked',
    );
    t.equal(statSync(join(castle.backend, name)).size, 20 * 2 ** 20, 'an existing volume keeps its size');
    await untilNoLoops(castle.backend);
  });

  t.test(
    'castle.snapshot sets the content of a new volume and does not change an existing volume',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'docker');
      // Wrong values are tested without containers, which would take long.
      for (const wrong of ['golden', 'latest:', 'latest:../x', 'latest:a/b', '../x', '', '1234']) {
        t.throws(
          () => readLabels('it', { 'castle.snapshot': wrong }),
          /it has the label castle.snapshot=/,
          wrong,
        );
      }
      const none = await ask(t, castle, ['castle.snapshot=latest:golden'], 'true');
      t.match(none.lease, { status: 404, body: { error: { message: /no snapshot of volume golden/ } } });
      t.same(await castle.ask('volumes'), [], 'no empty volume is created instead');
      await order(castle, '/v1/volumes', { name: 'golden', uid: jenkinsUser, gid: jenkinsUser });
      writeFileSync(join(castle.backend, 'golden/data'), 'golden');
      const id = await taken(castle, 'golden');
      const first = await ask(
        t,
        castle,
        ['castle.snapshot=latest:golden'],
        `cat ${home}/data; echo mine >${home}/mine`,
      );
      t.match([first.lease, first.ran], [{ status: 201 }, /golden/]);
      writeFileSync(join(castle.backend, 'golden/data'), 'later');
      await taken(castle, 'golden');
      const again = await ask(t, castle, [`castle.snapshot=${id}`], `cat ${home}/data ${home}/mine`);
      t.match(
        [again.lease, again.ran],
        [{ status: 201 }, /goldenmine/],
        'the existing volume keeps its data',
      );
    },
  );
}
