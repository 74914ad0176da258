/** Copies of snapshots in an S3 store off the host: they can be made, fetched, deleted and scheduled. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Snapshot, SnapshotCopy } from '../../../src/protocol/contract.ts';
import { run } from '../../kit/docker.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { fsck, imageOf, loopDevices, untilNoLoops } from '../backends/loop/loop-host.ts';
import { CastleOnHost, type Places } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';
import { S3Server, s3Server } from './s3-server.ts';

t.setTimeout(0);

/** A castle with the store as its --off-host. */
function castleOf(
  t: Test,
  store: Pick<S3Server, 'bucket' | 'endpoint' | 'credentials'>,
  places: Places = {},
): Promise<CastleOnHost> {
  const place = `s3=${store.bucket}/castle,endpoint=${store.endpoint}`;
  return CastleOnHost.start(t, 'process', {
    ...places,
    options: ['--off-host', place, ...(places.options ?? [])],
    env: { ...process.env, ...store.credentials },
  });
}

/** A command of `castle`. */
const order = (castle: CastleOnHost, ...args: string[]) =>
  run(process.execPath, ['dist/castle.js', ...args, '--socket', castle.socket]);

async function asked<T>(castle: CastleOnHost, path: string): Promise<T> {
  return JSON.parse((await castle.get(path)).text) as T;
}

const snapshotsOf = (castle: CastleOnHost) => asked<Snapshot[]>(castle, '/v1/snapshots');
const copiesOf = (castle: CastleOnHost) => asked<SnapshotCopy[]>(castle, '/v1/copies');

/** Takes a snapshot of a volume. @returns its id */
async function take(castle: CastleOnHost, volume: string): Promise<string> {
  const { code, stderr } = await order(castle, 'snapshot', 'create', volume);
  if (code !== 0) throw new Error(stderr);
  const ids = (await snapshotsOf(castle)).filter((one) => one.volume === volume).map(({ id }) => id);
  const id = ids.at(-1);
  if (id === undefined) throw new Error('no snapshot');
  return id;
}

/** The entries of the folder of snapshots. */
const stored = (castle: CastleOnHost): readonly string[] => {
  const folder = join(castle.backend, '.snapshots');
  return existsSync(folder) ? readdirSync(folder) : [];
};

if (requires(t, root, loopDevices, s3Server, program('mkfs.ext4'), program('tar'))) {
  t.test('a copied image can be fetched and restored on another host', async (t) => {
    const store = await S3Server.start(t);
    const castle = await castleOf(t, store, { loop: 'size=24M' });
    const data = randomBytes(6_000_000).toString('base64');
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    await container.write(join(container.home, 'data'), data);
    const id = await take(castle, 'main');
    await container.write(join(container.home, 'data'), 'later');
    const copied = await order(castle, 'snapshot', 'copy', id);
    t.equal(copied.code, 0, copied.stderr);
    t.match(await snapshotsOf(castle), [{ id, offHostCopy: 'copied' }]);
    const [copy] = await copiesOf(castle);
    t.match(copy, { id, volume: 'main', format: 'ext4' });
    t.match((await order(castle, 'copies')).stdout, id);

    // The object can be decompressed to the image with standard tools.
    const object = join(store.objects, copy?.key ?? '');
    const unpacked = spawnSync('gunzip', ['--stdout', object], { maxBuffer: 64 * 2 ** 20 });
    const [image = ''] = stored(castle);
    t.equal(unpacked.status, 0);
    t.ok(
      unpacked.stdout.equals(readFileSync(join(castle.backend, '.snapshots', image))),
      'gunzip gives the image',
    );

    // A snapshot with a copy is not copied again.
    const before = readFileSync(object);
    t.equal((await order(castle, 'snapshot', 'copy', id)).code, 0);
    t.ok(readFileSync(object).equals(before));
    t.match((await order(castle, 'snapshot', 'fetch', id)).stderr, 'is already on this host');

    const other = await castleOf(t, store, { loop: 'size=24M' });
    t.equal((await order(other, 'snapshot', 'fetch', id)).code, 0);
    t.match(await snapshotsOf(other), [{ id, volume: 'main', state: 'ready', origin: 'fetched' }]);
    t.equal((await order(other, 'snapshot', 'restore', id, 'main')).code, 0);
    const guest = await TestContainer.start(t, other);
    t.equal((await guest.lease('main')).status, 201);
    t.equal(await guest.read(join(guest.home, 'data')), data, 'the data is that of the snapshot');
    await guest.kill();
    await untilNoLoops(other.backend);
    t.equal(fsck(imageOf(other.backend, 'main')), 0);

    t.equal((await order(other, 'snapshot', 'delete', id, '--off-host')).code, 0);
    t.same(await copiesOf(castle), []);
    t.match((await order(other, 'snapshot', 'delete', id, '--off-host')).stderr, 'there is no copy');
  });

  t.test('a fetched folder has its owners, links, holes and attributes', async (t) => {
    const store = await S3Server.start(t);
    const castle = await castleOf(t, store);
    await order(castle, 'volume', 'create', 'main', '--owner', '1234:5678');
    const folder = join(castle.backend, 'main');
    const make = `cd "$1" && echo one > file && ln file hard && ln -s nowhere soft && mkdir -m 2750 sub &&
      truncate -s 50M sparse && echo end >> sparse && chown 12:34 file && touch -d 2001-02-03T04:05:06 hard &&
      python3 -c 'import os; os.setxattr("file", "user.colour", b"blue")'`;
    t.equal(spawnSync('sh', ['-c', make, 'sh', folder]).status, 0);
    const id = await take(castle, 'main');
    t.equal((await order(castle, 'snapshot', 'copy', id)).code, 0);
    t.equal((await order(castle, 'snapshot', 'delete', id)).code, 0);
    t.same(stored(castle), []);
    t.equal((await order(castle, 'snapshot', 'fetch', id)).code, 0);
    t.equal((await order(castle, 'snapshot', 'restore', id, 'again')).code, 0);
    const look = `cd "$1" && find . -printf '%P %y %m %U:%G %n %s %T@ %l\\n' | grep -v '^ ' | sort &&
      python3 -c 'import os; print(os.getxattr("file", "user.colour"), os.stat("sparse").st_blocks < 1000)' &&
      stat -c '%u:%g %a' . && md5sum sparse file`;
    const seen = (name: string) =>
      spawnSync('sh', ['-c', look, 'sh', join(castle.backend, name)], { encoding: 'utf8' }).stdout;
    t.equal(seen('again'), seen('main'));
    t.match(seen('main'), "b'blue' True");
  });

  t.test('an incomplete or changed copy is not fetched', async (t) => {
    const store = await S3Server.start(t);
    const castle = await castleOf(t, store, { loop: 'size=24M' });
    await order(castle, 'volume', 'create', 'main');
    const id = await take(castle, 'main');
    await order(castle, 'snapshot', 'copy', id);
    await order(castle, 'snapshot', 'delete', id);
    const [copy] = await copiesOf(castle);
    const object = join(store.objects, copy?.key ?? '');
    const whole = readFileSync(object);
    const damages: Record<string, () => void> = {
      'cut off': () => truncateSync(object, whole.length - 1),
      'its beginning changed': () => writeFileSync(object, changed(whole, 200)),
      'its trailer changed': () => writeFileSync(object, changed(whole, whole.length - 100)),
      'content of another object': () => {
        const gzip = spawnSync('gzip', ['--stdout'], { input: 'another' }).stdout;
        writeFileSync(object, Buffer.concat([gzip, whole.subarray(whole.length - 181)]));
      },
    };
    for (const [name, damage] of Object.entries(damages)) {
      damage();
      const fetched = await order(castle, 'snapshot', 'fetch', id);
      t.not(fetched.code, 0, name);
      t.match(fetched.stderr, /castle: .*; /, name);
      t.same(await snapshotsOf(castle), [], name);
      t.same(stored(castle), [], name);
    }
    writeFileSync(object, whole);
    t.equal((await order(castle, 'snapshot', 'fetch', id)).code, 0, 'the complete copy is fetched');
    t.match(castle.eventsNamed('snapshot.unresolved'), []);

    await store.stop();
    const lost = await order(castle, 'snapshot', 'copy', id);
    t.equal(lost.code, 69, 'the store is not available');
    t.match(lost.stderr, 'ECONNREFUSED');
  });

  t.test('a castle that is killed during a copy or fetch leaves nothing incomplete', async (t) => {
    const store = await S3Server.start(t);
    const castle = await castleOf(t, store, { loop: 'size=96M' });
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    await container.run('sh', '-c', `head -c 60M /dev/urandom > ${container.home}/data && sync`);
    const id = await take(castle, 'main');

    const copying = order(castle, 'snapshot', 'copy', id);
    await until('a part is there', () => walk(join(store.objects, '..')).length > 0 || undefined);
    await castle.end('SIGKILL');
    t.not((await copying).code, 0);
    t.same(
      walk(store.objects).filter((file) => file.endsWith('.gz')),
      [],
      'an incomplete object is not a copy',
    );
    await castle.serve();
    t.equal((await order(castle, 'snapshot', 'copy', id)).code, 0);
    t.equal((await copiesOf(castle)).length, 1);

    await order(castle, 'snapshot', 'delete', id);
    const fetching = order(castle, 'snapshot', 'fetch', id);
    await until('the fetch has begun', () => stored(castle).length > 0 || undefined);
    await castle.end('SIGKILL');
    t.not((await fetching).code, 0);
    await castle.serve();
    t.same(await snapshotsOf(castle), []);
    t.same(stored(castle), []);
    t.equal((await order(castle, 'snapshot', 'fetch', id)).code, 0);
    t.equal((await order(castle, 'snapshot', 'restore', id, 'again')).code, 0);
    t.equal(fsck(imageOf(castle.backend, 'again')), 0);
  });

  t.test('scheduled snapshots are copied automatically when the store is available', async (t) => {
    const store = await S3Server.start(t);
    await store.stop();
    const castle = await castleOf(t, store, { options: ['--snapshot-schedule', '*/2 * * * * *'] });
    await order(castle, 'volume', 'create', 'main');
    await until('copy.failed is emitted', () => castle.eventsNamed('copy.failed').length > 0 || undefined);
    await store.run();
    await until('the snapshot is copied', async () => (await copiesOf(castle)).length > 0 || undefined);
    t.match(await until('snapshot.copied is emitted', () => castle.eventsNamed('snapshot.copied')[0]), {
      volume: 'main',
    });
  });

  t.test('a copy that is deleted while it is made is not listed', async (t) => {
    const store = await S3Server.start(t);
    const gate = await Gate.before(t, store);
    const castle = await castleOf(t, {
      bucket: store.bucket,
      credentials: store.credentials,
      endpoint: gate.endpoint,
    });
    await order(castle, 'volume', 'create', 'main');
    const id = await take(castle, 'main');
    // The castle's last request for a copy reads the end of the object.
    gate.hold(({ method, headers }) => method === 'GET' && headers.range !== undefined);
    const copied = castle.call('POST', `/v1/snapshots/${id}/copy`);
    await until('it has been written', () => gate.holds || undefined);
    const removed = castle.call('DELETE', `/v1/copies/${id}`);
    // The castle handles requests in the order of their arrival: the deletion has begun, or waits for the copy, when a later
    // request is answered.
    await castle.ask('status');
    gate.open();
    t.equal((await copied).status, 200);
    t.equal((await removed).status, 204);
    t.same(await copiesOf(castle), []);
    const [snapshot] = await snapshotsOf(castle);
    t.match(snapshot, { id });
    t.equal(snapshot?.offHostCopy, 'unwanted');
  });

  t.test('a snapshot that is being fetched is not removed as a leftover of an earlier castle', async (t) => {
    const store = await S3Server.start(t);
    const gate = await Gate.before(t, store);
    const { bucket, credentials } = store;
    const options = ['--reconcile-interval', '1s', '--log-level', 'debug'];
    const castle = await castleOf(t, { bucket, credentials, endpoint: gate.endpoint }, { options });
    await order(castle, 'volume', 'create', 'main');
    writeFileSync(join(castle.backend, 'main/data'), 'kept');
    const id = await take(castle, 'main');
    t.equal((await order(castle, 'snapshot', 'copy', id)).code, 0);
    t.equal((await order(castle, 'snapshot', 'delete', id)).code, 0);
    await castle.end('SIGTERM');
    // A castle that cannot list its snapshots at the start does so later, while it serves requests.
    const folder = join(castle.backend, '.snapshots');
    rmdirSync(folder);
    writeFileSync(folder, '');
    await castle.serve();
    t.equal(castle.eventsNamed('snapshot.unresolved').length > 0, true);
    gate.hold(({ method, url, headers }) => method === 'GET' && /[.]gz/.test(`${url}`) && !headers.range);
    const fetched = order(castle, 'snapshot', 'fetch', id);
    await until('the fetch is in progress', () => gate.holds || undefined);
    rmSync(folder);
    const reconcileCount = () => castle.eventsNamed('reconcile.checked').length;
    const before = reconcileCount();
    await until('the castle has listed its snapshots', () => reconcileCount() > before + 1 || undefined);
    gate.open();
    t.match(await fetched, { code: 0, stderr: '' });
    t.match(await snapshotsOf(castle), [{ id, state: 'ready', origin: 'fetched' }]);
    t.same(castle.eventsNamed('snapshot.failed'), []);
    t.equal((await order(castle, 'snapshot', 'restore', id, 'again')).code, 0);
    t.equal(readFileSync(join(castle.backend, 'again/data'), 'utf8'), 'kept');
  });

  t.test('a deleted copy of a scheduled snapshot is not made again', async (t) => {
    const store = await S3Server.start(t);
    const castle = await castleOf(t, store, { options: ['--snapshot-schedule', '*/2 * * * * *'] });
    const idsOf = async () => (await copiesOf(castle)).map(({ volume }) => volume);
    await order(castle, 'volume', 'create', 'main');
    const [copy] = await until('the snapshot is copied', async () => {
      const copies = await copiesOf(castle);
      return copies.length > 0 && castle.eventsNamed('snapshot.copied').length > 0 ? copies : undefined;
    });
    t.equal((await order(castle, 'snapshot', 'delete', `${copy?.id}`, '--off-host')).code, 0);
    // All snapshots that are due are copied together, in the order of their names.
    await order(castle, 'volume', 'create', 'other');
    await until('the next one is copied', () =>
      castle.eventsNamed('snapshot.copied').find(({ volume }) => volume === 'other'),
    );
    t.same(await idsOf(), ['other']);
    t.equal(
      (await order(castle, 'snapshot', 'copy', `${copy?.id}`)).code,
      0,
      'castle snapshot copy makes it again',
    );
    t.same((await idsOf()).sort(), ['main', 'other']);
  });

  t.test('a castle without --off-host refuses copies, and a wrong value is an error', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    t.match((await order(castle, 'copies')).stderr, 'start it with --off-host');
    for (const [place, word] of [
      ['backups', 'is not a bucket'],
      ['s3=UPPER', 'is not a bucket'],
      ['s3=backups/a b', 'the prefix'],
      ['s3=backups,endpoint=ftp://x', 'is not a URL'],
      ['s3=backups,endpoint=http://user:secret@x', 'contains credentials'],
      ['s3=backups,colour=blue', 'the option "colour=blue" is invalid'],
    ] as const) {
      const { code, stderr } = await run(process.execPath, ['dist/castle.js', 'serve', '--off-host', place]);
      t.equal(code, 64, place);
      t.match(stderr, word);
    }
  });
}

/** A proxy for a store that holds back a response until it is released. */
class Gate {
  #holds: (() => void) | undefined;
  #which: ((request: IncomingMessage) => boolean) | undefined;

  private constructor(readonly endpoint: string) {}

  static async before(t: Test, store: S3Server): Promise<Gate> {
    const server = createServer((asked, answer) => {
      const { method, url, headers } = asked;
      const passed = request(`${store.endpoint}${url}`, { method, headers }, (got) => {
        const pass = () => got.pipe(answer.writeHead(got.statusCode ?? 502, got.headers));
        if (gate.#which?.(asked) !== true) return pass();
        gate.#which = undefined;
        gate.#holds = pass;
      });
      asked.pipe(passed.on('error', () => answer.destroy()));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => server.close());
    const gate = new Gate(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return gate;
  }

  /** Holds back the response to the next request that matches. */
  hold(which: (request: IncomingMessage) => boolean): void {
    this.#which = which;
  }

  get holds(): boolean {
    return this.#holds !== undefined;
  }

  open(): void {
    this.#holds?.();
  }
}

/** All files below a folder. */
const walk = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

/** A copy of the bytes in which one byte is changed. */
function changed(content: Buffer, at: number): Buffer {
  const other = Buffer.from(content);
  other[at] = (other[at] ?? 0) ^ 0xff;
  return other;
}
