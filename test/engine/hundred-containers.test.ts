/**
 * A hundred containers on a real engine, each with its own volume. For some time, containers at random and sometimes the
 * castle are killed and started again. CASTLE_MANY_SECONDS sets the time, CASTLE_SEED the order.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import Dockerode from 'dockerode';
import t, { type Test } from 'tap';
import { fsck, imageOf, loopDevices, loopsOf, untilNoLoops } from '../castle/backends/loop/loop-host.ts';
import { CastleOnHost } from '../castle/kit/castle-on-host.ts';
import { compileProgram } from '../kit/compile.ts';
import { addProgram, importImage, temporaryFolder } from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';
import { Random } from '../kit/random.ts';
import { until } from '../kit/until.ts';

const seconds = Number(process.env['CASTLE_MANY_SECONDS'] ?? 60);

/** How many containers the engine starts, or ends, at the same time. */
const atOnce = 4;
/** How many times the castle is killed. */
const castleDeaths = 4;
/** V8 keeps garbage while the heap has room. With a small heap, growing memory is memory in use. */
const smallHeap = { ...process.env, NODE_OPTIONS: '--max-old-space-size=64 --max-semi-space-size=2' };
/** By how much the memory of a castle without leases varies: pages of the store and caches of the allocator. */
const moreKilobytes = 25_000;
t.setTimeout(0);

/** How a container is ended. */
const endings = ['engine kills', 'kill -9', 'stop'] as const;

if (requires(t, root, engine, loopDevices, program('cc'), program('debugfs'))) {
  const image = await writerImage(t);

  t.test(`100 containers that are killed at random for ${seconds} s lose no record (local)`, async (t) => {
    const castle = await CastleOnHost.start(t, 'docker', { env: smallHeap });
    await runCrowd(t, castle, image, 100, seconds);
    for (const volume of readdirSync(castle.backend)) {
      checkChain(t, volume, readFileSync(join(castle.backend, volume, 'chain')));
    }
  });

  t.test(`30 containers that are killed at random for ${seconds / 3} s lose no record (loop)`, async (t) => {
    const castle = await CastleOnHost.start(t, 'docker', { loop: 'size=16M', env: smallHeap });
    const volumes = await runCrowd(t, castle, image, 30, seconds / 3);
    await untilNoLoops(castle.backend);
    for (const volume of volumes) {
      const file = imageOf(castle.backend, volume);
      t.equal(fsck(file), 0, `${volume}: the file system has no errors`);
      checkChain(t, volume, spawnSync('debugfs', ['-R', 'cat /chain', file]).stdout);
    }
  });
}

/** Ends containers and starts them again, for some time. @returns the names of their volumes */
async function runCrowd(
  t: Test,
  castle: CastleOnHost,
  image: string,
  count: number,
  lengthS: number,
): Promise<readonly string[]> {
  const random = Random.ofTest(t, 'CASTLE_SEED', 20_262);
  const acks = temporaryFolder(t, 'acks');
  chmodSync(acks, 0o777);
  const volumes = Array.from({ length: count }, (_, n) => `v${n}`);
  const docker = new Dockerode();

  const crowd = await fewAtOnce(volumes, (volume) => createContainer(t, docker, castle, image, volume, acks));
  await fewAtOnce(crowd, (container) => container.start());
  await untilLeases(castle, count);

  const end = performance.now() + lengthS * 1000;
  const free = new Set(crowd);
  let lives = 0;
  const endAndStart = async () => {
    while (performance.now() < end) {
      const container = random.pick([...free]);
      free.delete(container);
      await endLife(container, random.pick(endings));
      await container.start();
      free.add(container);
      lives += 1;
    }
  };
  const killCastle = async () => {
    for (let n = 1; n <= castleDeaths; n++) {
      const at = end - lengthS * 1000 * (1 - n / (castleDeaths + 1));
      await until('it is time to kill the castle', () => performance.now() > at || undefined);
      await castle.end('SIGKILL');
      await castle.serve();
    }
  };
  await Promise.all([killCastle(), ...Array.from({ length: atOnce }, endAndStart)]);
  t.comment(`${lives} containers ended and were started again`);
  await untilLeases(castle, count);

  await fewAtOnce(crowd, (container) => container.stop({ t: 10 }));
  await untilLeases(castle, 0);
  await checkLeaks(t, castle);

  t.same(
    readdirSync(acks).flatMap((name) =>
      name.endsWith('.broken') ? [`${name}: ${readFileSync(join(acks, name), 'utf8')}`] : [],
    ),
    [],
    'every container found the records of the earlier containers',
  );
  t.same((await castle.ask('volumes')).map(({ name }) => name).sort(), [...volumes].sort());
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  t.same(
    mounts.filter((line) => line.includes(castle.backend)),
    [],
    'nothing is mounted on the host',
  );
  await until('no loop device is left', () => loopsOf(castle.backend).length === 0 || undefined);
  for (const volume of volumes) acknowledged.set(volume, numberIn(join(acks, volume)));
  return volumes;
}

/** The last record of each volume that its writer reported as synced. */
const acknowledged = new Map<string, number>();

async function createContainer(
  t: Test,
  docker: Dockerode,
  castle: CastleOnHost,
  image: string,
  volume: string,
  acks: string,
): Promise<Dockerode.Container> {
  const container = await docker.createContainer({
    Image: image,
    Cmd: [volume],
    User: '1000:1000',
    Labels: { 'castle.volume': volume },
    HostConfig: {
      NetworkMode: 'none',
      Binds: [`${castle.socketFolder}:/run/castle:ro`, `${acks}:/acks`],
      LogConfig: { Type: 'none', Config: {} },
    },
  });
  t.teardown(() => container.remove({ force: true, v: true }));
  return container;
}

async function endLife(container: Dockerode.Container, ending: (typeof endings)[number]): Promise<void> {
  const { Pid: pid } = (await container.inspect()).State;
  if (ending === 'stop') await container.stop({ t: 10 });
  else if (ending === 'engine kills') await container.kill({ signal: 'SIGKILL' });
  else if (pid > 0) process.kill(pid, 'SIGKILL');
  await until('the container has ended', async () => !(await container.inspect()).State.Running || undefined);
}

/** Waits until exactly this number of containers have their volumes. */
async function untilLeases(castle: CastleOnHost, count: number): Promise<void> {
  const look = async () => {
    const leases = JSON.parse((await castle.get('/v1/leases')).text) as readonly { readonly state: string }[];
    const mounted = leases.filter(({ state }) => state === 'mounted').length;
    if (leases.length === count && mounted === count) return true;
    throw new Error(`${leases.length} leases, ${mounted} mounted`);
  };
  await until(`${count} leases`, look);
}

/** Checks that a castle whose leases have all ended uses as many descriptors and as much memory as a new castle. */
async function checkLeaks(t: Test, castle: CastleOnHost): Promise<void> {
  const used = (await castle.status()).pid;
  const held = await until('its idle connections are closed', descriptorsWhenIdle(used));
  const kilobytes = residentKilobytes(used);
  await castle.end('SIGTERM');
  await castle.serve();
  const fresh = (await castle.status()).pid;
  const expected = await until('its idle connections are closed', descriptorsWhenIdle(fresh));
  const [sockets, others] = [(kind: string) => kind === 'socket', (kind: string) => kind !== 'socket'];
  t.same(
    held.filter(others),
    expected.filter(others),
    'the used castle has the same files and pipes open as a new one',
  );
  // The HTTP client may keep one connection to the engine open.
  const most = expected.filter(sockets).length + 1;
  t.ok(held.filter(sockets).length <= most, `${held.filter(sockets).length} sockets, at most ${most}`);
  const allowed = residentKilobytes(fresh) + moreKilobytes;
  t.ok(kilobytes <= allowed, `${kilobytes} KB in memory, at most ${allowed}`);
}

/** A probe for the open descriptors of a process, when they have not changed for five seconds. */
function descriptorsWhenIdle(pid: number): () => readonly string[] | undefined {
  let [last, since]: [string, number] = ['', performance.now()];
  return () => {
    const kinds = readdirSync(`/proc/${pid}/fd`).flatMap((number) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${number}`).replace(/:\[\d+\]$/, '')];
      } catch {
        return []; // It has been closed.
      }
    });
    const now = JSON.stringify(kinds.sort());
    if (now !== last) [last, since] = [now, performance.now()];
    return performance.now() - since > 5000 ? (JSON.parse(now) as readonly string[]) : undefined;
  };
}

function residentKilobytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes);
}

/** Calls a function for each element, several at the same time. */
async function fewAtOnce<T, R>(all: readonly T[], call: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  const left = [...all];
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) done.push(await call(next));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return done;
}

/** An image that contains only test/engine/chain-writer.c. */
async function writerImage(t: Test): Promise<string> {
  const folder = temporaryFolder(t, 'writer');
  const compiled = compileProgram(join(folder, 'chain-writer'), 'test/engine/chain-writer.c');
  const layout = join(folder, 'root');
  addProgram(layout, compiled, 'chain-writer');
  for (const place of ['data', 'acks', 'run/castle']) mkdirSync(join(layout, place), { recursive: true });
  return importImage(t, layout, ['ENTRYPOINT ["/chain-writer"]']);
}

/** Asserts that a volume has every record up to the last acknowledged one, in order, and no record of another volume. */
function checkChain(t: Test, volume: string, found: Buffer): void {
  let chain = sum(2_166_136_261, volume);
  let number = 0;
  let expected = '';
  while (expected.length < found.length) {
    number += 1;
    const digits = String(number).padStart(10, '0');
    chain = sum(chain, digits);
    expected += `${digits} ${chain.toString(16).padStart(8, '0')}\n`;
  }
  const isWhole = found.toString('latin1') === expected;
  const least = acknowledged.get(volume) ?? 0;
  t.ok(
    isWhole && number >= least && least > 0,
    `${volume}: ${number} records, ${least} acknowledged, ${isWhole}`,
  );
}

/** FNV-1a, as in chain-writer.c. */
function sum(before: number, text: string): number {
  let now = before;
  for (const byte of Buffer.from(text)) now = Math.imul(now ^ byte, 16_777_619) >>> 0;
  return now;
}

const numberIn = (file: string): number =>
  existsSync(file) ? Number(readFileSync(file).readBigUInt64LE()) : 0;
