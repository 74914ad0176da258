/**
 * A castle that is interrupted many times, and two containers that outlive it. After each interruption the harness checks
 * the invariants: no data is lost, no volume is mounted twice, and no garbage is left.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { DeletedVolume, Lease, Snapshot, Volume } from '../../../src/protocol/contract.ts';
import { until } from '../../kit/until.ts';
import type { CastleOnHost, Places } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

/** Whether a volume exists, and whether it is deleted. */
export type VolumeState = 'absent' | 'present' | 'deleted';

/** An operation whose preconditions have been created. */
export interface PreparedOperation {
  readonly volume: string;
  /** The states that the volume may have after an interruption; the first is its state before the operation. */
  readonly possible: readonly VolumeState[];
  /** The state that the volume must have after the castle has reported success. */
  readonly done: VolumeState;
  /** The numbers of leases and mounts after success. */
  readonly leases?: number;
  /** The number of snapshots before the operation, and how many more must exist after success. */
  readonly snapshots?: { readonly before: number; readonly more: 1 | -1 };
  /** Runs the operation. @returns whether the castle reported success; undefined when it did not answer */
  run(): Promise<boolean | undefined>;
}

/** A backend with which castles are interrupted. */
export interface CrashBackend {
  readonly name: string;
  /** The number of new volumes after which the backend is cleared, since images are large. */
  readonly maxVolumes?: number;
  /** Starts a castle with its own backend. */
  start(t: Test, places: Pick<Places, 'env' | 'program'>): Promise<BackendFixture>;
}

/** A castle, and an inspection of its backend that does not rely on the castle's reports. */
export interface BackendFixture {
  readonly castle: CastleOnHost;
  contents(): Promise<BackendContents>;
  /** Waits until no volume has a block device. */
  untilUnused(): Promise<unknown>;
  /** The number of block devices for this number of mounted volumes. */
  deviceCount?(): number;
  /** Removes all volumes. The castle must not be running. */
  clear?(): void;
  /** The state of the backend that is stored outside of this host. */
  outside?(): Promise<unknown>;
}

/** The volumes in a backend by name, and unexpected files. */
export interface BackendContents {
  readonly volumes: readonly string[];
  readonly deleted: readonly string[];
  /** The number of complete snapshots. */
  readonly snapshots: number;
  readonly leftOver: readonly string[];
}

/** Collects violations of the invariants. */
class Faults {
  readonly list: string[] = [];

  expect(what: string, actual: unknown, expected: unknown): void {
    const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (is !== should) this.list.push(`${what}: ${is} instead of ${should}`);
  }
}

export class CrashHarness {
  /** The expected content of each volume: one line for each lease in which the harness wrote to it. */
  #expected = new Map<string, string>();
  #container: TestContainer;

  private constructor(
    private readonly t: Test,
    readonly backend: CrashBackend,
    readonly fixture: BackendFixture,
    container: TestContainer,
    readonly other: TestContainer,
  ) {
    this.#container = container;
  }

  /** @param places the program and the environment with which the castle can be interrupted */
  static async start(
    t: Test,
    backend: CrashBackend,
    places: Pick<Places, 'env' | 'program'>,
  ): Promise<CrashHarness> {
    const fixture = await backend.start(t, places);
    const { castle } = fixture;
    const [container, other] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    return new CrashHarness(t, backend, fixture, container, other);
  }

  get castle(): CastleOnHost {
    return this.fixture.castle;
  }

  /** The container that requests volumes. */
  get container(): TestContainer {
    return this.#container;
  }

  /** The names of the volumes that the harness has used. */
  get volumes(): readonly string[] {
    return [...this.#expected.keys()];
  }

  /** Starts another container to replace it, after its end. */
  async replaceContainer(): Promise<void> {
    this.#container = await TestContainer.start(this.t, this.castle);
  }

  /** Ends the castle if it is running, starts it again, and returns when it answers. */
  async restart(): Promise<void> {
    await this.castle.end('SIGKILL');
    if (!(await this.startsUp()))
      throw new Error(`the castle ended at its start: ${this.castle.output.slice(-2000)}`);
  }

  /** Starts a castle. @returns true when it answers, false when it ends before that */
  async startsUp(...options: readonly string[]): Promise<boolean> {
    const started = this.castle.launch(options);
    let ended = false;
    void once(started, 'exit').then(() => {
      ended = true;
    });
    const answers = async () => (await this.castle.status()).pid === started.pid || undefined;
    return until('the castle answers', async () => (ended ? false : answers()), undefined, 5);
  }

  /**
   * Checks all invariants of a volume, and that a container gets it with everything that was ever written to it.
   * @param success what the castle reported about the operation; undefined when it did not answer
   * @returns the violations
   */
  async check(operation: PreparedOperation, success: boolean | undefined): Promise<readonly string[]> {
    const faults = new Faults();
    const { volume, possible, done, leases = 0 } = operation;
    await this.#untilNoPurge();
    const state = await this.#stateOf(volume);
    if (!(success === true ? [done] : possible).includes(state)) {
      faults.list.push(`it is ${state}, and the castle had reported ${success}`);
    }
    if (success === true) {
      const known = (await this.get<Lease[]>('/v1/leases')).filter((lease) => lease.volume === volume);
      faults.expect('leases at first', known.length, leases);
      const { container } = this;
      faults.expect('mounts at first', (await container.mounts(container.home)).length, leases);
    }
    if (operation.snapshots !== undefined) {
      faults.list.push(...(await this.#checkSnapshots(operation.snapshots, success)));
    }
    faults.list.push(...(await this.checkContents()));
    if (state === 'deleted') {
      const { status } = await this.castle.call('POST', `/v1/volumes/${volume}/restore`);
      faults.expect('restored', status, 204);
    }
    if (state === 'absent' || (await this.#isOnlyRecorded(volume))) this.#expected.delete(volume);
    if (state !== 'absent') faults.list.push(...(await this.useAndRelease(volume)));
    faults.list.push(...(await this.checkContents()));
    return faults.list;
  }

  /**
   * Mounts the volume in the container, whatever was interrupted; checks its content, adds a line, and releases it.
   * @returns the violations
   */
  async useAndRelease(volume: string): Promise<readonly string[]> {
    const faults = new Faults();
    const { container, other, fixture } = this;
    // A program that the killed castle ran may still be running as an orphan; it blocks the volume until it ends.
    const lease = await until(`the container has ${volume}`, async () => {
      const { status, body } = await container.lease(volume);
      if (status === 200 || status === 201) return body;
      if (!this.castle.isRunning) return 'ended';
      throw new Error(status === undefined ? 'no answer' : JSON.stringify(body));
    });
    if (lease === 'ended') throw new Error(`the castle has ended: ${this.castle.output.slice(-2000)}`);
    const { id } = lease;
    faults.expect('mounts in the container', (await container.mounts(container.home)).length, 1);
    const leases = await this.get<Lease[]>('/v1/leases');
    faults.expect(
      'leases',
      leases.map((lease) => lease.id),
      [id],
    );
    if (fixture.deviceCount !== undefined) faults.expect('devices', fixture.deviceCount(), 1);
    faults.expect('another container', (await other.lease(volume)).status, 409);
    const file = join(container.home, 'data');
    const found = await contentOf(container, file);
    faults.expect('data', found, this.#expected.get(volume) ?? '');
    await container.write(file, `${id}\n`);
    this.#expected.set(volume, `${found}${id}\n`);
    faults.expect('released', (await container.call('DELETE', `/v1/leases/${id}`)).status, 204);
    faults.expect('mounts after', (await container.mounts(container.home)).length, 0);
    faults.expect('mounts of the other', (await other.mounts(other.home)).length, 0);
    await fixture.untilUnused();
    faults.expect('leases after', await this.get('/v1/leases'), []);
    return faults.list;
  }

  /** Checks at the end that all volumes contain what was written to them. @returns the violations */
  async checkAll(): Promise<readonly string[]> {
    const faults: string[] = [];
    for (const volume of this.volumes) {
      faults.push(...(await this.useAndRelease(volume)).map((fault) => `${volume}: ${fault}`));
    }
    const volumes = await this.get<Volume[]>('/v1/volumes');
    faults.push(
      ...volumes.filter(({ state }) => state !== 'ready').map(({ name }) => `${name} is not ready`),
    );
    return faults;
  }

  /** Once there are too many volumes, checks everything and continues with an empty backend. @returns the violations */
  async clearWhenFull(): Promise<readonly string[]> {
    const { maxVolumes = Number.POSITIVE_INFINITY } = this.backend;
    if (this.#expected.size < maxVolumes) return [];
    const faults = await this.checkAll();
    await this.castle.end('SIGTERM');
    this.castle.loseState();
    this.fixture.clear?.();
    this.#expected = new Map();
    await this.restart();
    return faults;
  }

  /** Ends the castle and the containers. */
  async end(): Promise<void> {
    await this.castle.end('SIGTERM');
    await Promise.all([this.container.kill(), this.other.kill()]);
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.castle.get(path)).text) as T;
  }

  /** Sends a request as root of the host. @returns whether the castle reported success; undefined when it did not answer */
  async request(method: 'POST' | 'DELETE', path: string, body?: object): Promise<boolean | undefined> {
    const answer = await this.castle.call(method, path, body).catch(() => undefined);
    return answer === undefined ? undefined : answer.status < 300;
  }

  /** Waits until no lease exists. @returns false when the castle ends before that */
  untilNoLease(): Promise<boolean> {
    return this.#untilEmpty('/v1/leases');
  }

  /** Waits until a deleted volume has been purged. @returns undefined when the castle ends before that */
  async untilPurged(volume: string): Promise<true | undefined> {
    const isReported = () =>
      this.castle.eventsNamed('volume.purged').some((event) => event['volume'] === volume);
    const probe = () => isReported() || (this.castle.isRunning ? undefined : false);
    return (await until(`${volume} is purged`, probe, undefined, 5)) || undefined;
  }

  #untilEmpty(path: string): Promise<boolean> {
    const probe = async () => {
      const answer = await this.castle.get(path).catch(() => undefined);
      return answer === undefined ? false : answer.text === '[]' || undefined;
    };
    return until(`${path} is empty`, probe, undefined, 5);
  }

  /** Takes a snapshot of a volume with data, after deleting all earlier snapshots. */
  async onlySnapshot(volume: string): Promise<Snapshot> {
    const faults = await this.useAndRelease(volume);
    if (faults.length > 0) throw new Error(`${volume}, before its snapshot: ${faults}`);
    const earlier = await this.get<Snapshot[]>('/v1/snapshots');
    await this.request('POST', '/v1/snapshots', { volume });
    for (const { id } of earlier) await this.request('DELETE', `/v1/snapshots/${id}`);
    const [only, ...others] = await this.get<Snapshot[]>('/v1/snapshots');
    if (only === undefined || others.length > 0) throw new Error(`${others.length + 1} snapshots`);
    return only;
  }

  /** If the volume exists after the operation, its expected content is the present content of another volume. */
  expectCopy(from: string, to: string): void {
    this.#expected.set(to, this.#expected.get(from) ?? '');
  }

  /** The number of complete snapshots. */
  async countSnapshots(): Promise<number> {
    return (await this.get<Snapshot[]>('/v1/snapshots')).filter(({ state }) => state === 'ready').length;
  }

  /** Checks that no snapshot is incomplete, that as many are complete as were reported, and that the backend agrees. */
  async #checkSnapshots(
    { before, more }: NonNullable<PreparedOperation['snapshots']>,
    success: boolean | undefined,
  ): Promise<readonly string[]> {
    const [all, complete] = [await this.get<Snapshot[]>('/v1/snapshots'), await this.countSnapshots()];
    const stored = (await this.fixture.contents()).snapshots;
    const possible = success === true ? [before + more] : [before, before + more];
    const isRight = possible.includes(complete) && all.length === complete && stored === complete;
    return isRight
      ? []
      : [`snapshots: ${complete} complete of ${all.length}, ${stored} in the backend, after ${success}`];
  }

  async #stateOf(volume: string): Promise<VolumeState> {
    const isIt = ({ name }: { readonly name: string }) => name === volume;
    const isPresent = (await this.get<Volume[]>('/v1/volumes')).some(isIt);
    const isDeleted = (await this.get<DeletedVolume[]>('/v1/volumes/deleted')).some(isIt);
    if (isPresent && isDeleted) throw new Error(`${volume} is present and deleted at the same time`);
    return isPresent ? 'present' : isDeleted ? 'deleted' : 'absent';
  }

  /**
   * Waits until the castle lists every volume of the trash. It does not list one whose purge has begun, and completes an
   * interrupted purge in the background after its start.
   */
  async #untilNoPurge(): Promise<void> {
    await until('no purge is in progress', async () => {
      if (!this.castle.isRunning) return true;
      const { deleted } = await this.fixture.contents();
      const listed = new Set(
        (await this.get<DeletedVolume[]>('/v1/volumes/deleted')).map(({ name }) => name),
      );
      return deleted.every((name) => listed.has(name)) || undefined;
    });
  }

  /** Whether only the record of a failed creation is left: the next request for the volume then creates it. */
  async #isOnlyRecorded(volume: string): Promise<boolean> {
    const known = (await this.get<Volume[]>('/v1/volumes')).find(({ name }) => name === volume);
    return known?.state === 'creating' && !(await this.fixture.contents()).volumes.includes(volume);
  }

  /**
   * Checks that the castle's volumes are those in its backend, that nothing else is there, and that nothing is mounted on
   * the host.
   */
  async checkContents(): Promise<readonly string[]> {
    const faults = new Faults();
    const sorted = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name).sort();
    const { volumes, deleted, leftOver } = await this.fixture.contents();
    // A volume in state `creating` may or may not be in the backend; the next request for it resolves that.
    const known = (await this.get<Volume[]>('/v1/volumes')).filter(
      ({ name, state }) => state === 'ready' || volumes.includes(name),
    );
    faults.expect('volumes in the backend', [...volumes].sort(), sorted(known));
    faults.expect(
      'deleted in the backend',
      [...deleted].sort(),
      sorted(await this.get<DeletedVolume[]>('/v1/volumes/deleted')),
    );
    faults.expect('left over', leftOver, []);
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    faults.expect(
      'mounts on the host',
      mounts.filter((line) => line.includes(this.castle.backend)),
      [],
    );
    return faults.list;
  }
}

/** The content of a file in a container; empty when the file does not exist. Any other error is a violation. */
async function contentOf(container: TestContainer, file: string): Promise<string> {
  try {
    return await container.read(file);
  } catch (error) {
    if (/\bENOENT\b/.test(String(error))) return '';
    throw error;
  }
}
