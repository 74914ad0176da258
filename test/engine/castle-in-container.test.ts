/** A castle that is a container itself, started as Dockerfile.castle.example says; and its service file. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import * as docker from '../kit/docker.ts';
import { addBusybox, addNode, importImage, temporaryFolder } from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';

const example = readFileSync('Dockerfile.castle.example', 'utf8');
const service = readFileSync('etc/castle.service', 'utf8');

if (requires(t, root, engine, program('busybox'), program('tar'))) {
  t.test('the example has what a castle in a container needs', async (t) => {
    const files = temporaryFolder(t, 'root');
    await addBusybox(files);
    await addNode(files);
    mkdirSync(join(files, 'opt/castle'), { recursive: true });
    const [, copied = '', to = ''] = /^COPY (.*) (\/\S+)$/m.exec(example) ?? [];
    for (const file of copied.split(' ')) copyFileSync(file, join(files, to, file.replace(/^dist\//, '')));
    mkdirSync(join(files, 'data'));
    copyFileSync('test/engine/ask-castle.mjs', join(files, 'ask-castle.mjs'));
    const image = await importImage(t, files, ['ENV PATH=/usr/local/bin:/bin']);

    const host = temporaryFolder(t, 'castle');
    const engineSocket = process.env['DOCKER_HOST']?.replace('unix://', '') ?? '/var/run/docker.sock';
    const places: Record<string, string> = {
      '/run/castle': join(host, 'run'),
      '/var/lib/castle': join(host, 'lib'),
      '/var/run/docker.sock': engineSocket,
    };
    const options = [...example.matchAll(/^# +(--(?:pid|cap-|security-opt|volume).*) \\$/gm)].flatMap(
      ([, line = '']) => line.split(' '),
    );
    t.ok(options.includes('SYS_ADMIN'), options.join(' '));
    const here = options.map((option) => {
      const [from = '', into] = option.split(':');
      return into === undefined ? option : `${places[from]}:${into}`;
    });
    const line = (word: string): string[] =>
      JSON.parse(new RegExp(`^${word} (?:.*? CMD )?(\\[.*\\])$`, 'm').exec(example)?.[1] ?? '[]') as string[];
    const castle = await docker.start(t, image, here, [...line('ENTRYPOINT'), ...line('CMD')]);
    await docker.untilPrinted(castle, /"event":"castle.serving"/);
    await docker.untilPrinted(castle, /"event":"engine.connected"/);

    const asks = await docker.start(
      t,
      image,
      ['--label', 'castle.volume=main', '--volume', `${places['/run/castle']}:/run/castle:ro`],
      ['node', '/ask-castle.mjs', 'main', '/data'],
    );
    await docker.untilPrinted(asks, /^has its volume/);
    await docker.docker('exec', asks.id, 'test', '-f', '/data/lives');
    t.equal(readFileSync(join(host, 'lib/volumes/main/lives'), 'utf8'), 'x', 'the data is on the host');
    t.equal(await docker.docker('exec', castle.id, ...line('HEALTHCHECK')), '', 'it is well');
    await docker.docker('kill', asks.id);
    await docker.untilPrinted(castle, /"event":"lease.ended"/);
    await docker.docker('stop', '--time', '20', castle.id);
    t.equal(await docker.ended(castle), 0);
  });
}

t.test('the capabilities of the service are enough to mount', async (t) => {
  if (!requires(t, root, program('setpriv'))) return;
  const [, line = ''] = /^CapabilityBoundingSet=(.*)$/m.exec(service) ?? [];
  const kept = line
    .split(' ')
    .map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`)
    .join(',');
  const folder = temporaryFolder(t, 'doctor');
  const { code, stdout, stderr } = await docker.run('setpriv', [
    ...['--no-new-privs', '--bounding-set', `-all,${kept}`, '--inh-caps', '-all', process.execPath],
    ...['dist/castle.js', 'doctor', '--runtime', 'process', '--socket', join(folder, 'run/castle.sock')],
    ...['--state', join(folder, 'state'), '--backend', `local=${join(folder, 'volumes')}`],
  ]);
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /^ok +capabilities: /m);
  t.match(stdout, /^ok +mounting in a container: /m);
});

t.test('systemd understands the service file', async (t) => {
  if (!requires(t, program('systemd-analyze'))) return;
  const folder = temporaryFolder(t, 'systemd');
  const file = join(folder, 'castle.service');
  // It also looks whether the program is there.
  writeFileSync(file, service.replace(/^ExecStart=\S+ \S+/m, 'ExecStart=/bin/true'));
  const { code, stdout, stderr } = await docker.run('systemd-analyze', ['verify', file]);
  t.match({ code, said: stdout + stderr }, { code: 0, said: '' });
});
