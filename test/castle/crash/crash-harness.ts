import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { DeletedVolume, Lease, Snapshot, Volume } from '../../../src/protocol/contract.ts';
import { until } from '../../kit/until.ts';
import type { CastleOnHost } from '../kit/castle-on-host.ts';
import { Tenant } from '../kit/tenant.ts';
import { Steps, type Struck } from './steps.ts';

/** What there is of a volume. */
export type Fate = 'nowhere' | 'there' | 'deleted';

/** What the castle is interrupted in. */
export interface Act {
  readonly volume: string;
  /** What may have become of the volume when nobody was told the end; the first is how it was before. */
  readonly fates: readonly Fate[];
  /** What must have become of it when the castle has said that all is done. */
  readonly done: Fate;
  /** How many leases and mounts there are then. */
  readonly leases?: number;
  /** How many snapshots there were, and how many more there must be when all is done. */
  readonly snapshots?: { readonly before: number; readonly more: 1 | -1 };
  /** Does it. @returns whether the castle said that it is done; undefined when it said nothing */
  run(): Promise<boolean | undefined>;
}

/** A backend whose castle is besieged. */
export interface Fortress {
  readonly name: string;
  /** So many new volumes and the backend is cleared: images are large. */
  readonly mostVolumes?: number;
  /** Starts a castle with a backend of its own. */
  begin(t: Test, env: NodeJS.ProcessEnv): Promise<Ground>;
}

/** A castle, and what its backend has whatever the castle says. */
export interface Ground {
  readonly castle: CastleOnHost;
  look(): Promise<Lying>;
  /** Waits until no volume has a device. */
  untilUnused(): Promise<unknown>;
  /** Takes all volumes away, while no castle is there. */
  clear?(): void;
}

/** What a backend has, by the names of the volumes; and what it should not have. */
export interface Lying {
  readonly volumes: readonly string[];
  readonly deleted: readonly string[];
  /** How many are whole. */
  readonly snapshots: number;
  readonly leftOver: readonly string[];
}

/** What came of striking at a step. */
export interface Outcome {
  /** Undefined when the act has not so many steps. */
  readonly struck: Struck | undefined;
  /** What was wrong afterwards. */
  readonly faults: readonly string[];
}

/** A castle that is struck again and again, and two containers that outlive it. */
export class Siege {
  /** What each volume holds: one line per lease that was written in. */
  #expected = new Map<string, string>();
  #tenant: Tenant;
  #kills = 0;

  private constructor(
    private readonly t: Test,
    readonly fortress: Fortress,
    readonly steps: Steps,
    private readonly ground: Ground,
    tenant: Tenant,
    private readonly other: Tenant,
  ) {
    this.#tenant = tenant;
  }

  static async begin(t: Test, fortress: Fortress): Promise<Siege> {
    const steps = new Steps(t);
    const ground = await fortress.begin(t, steps.env);
    const { castle } = ground;
    const [tenant, other] = [await Tenant.start(t, castle), await Tenant.start(t, castle)];
    return new Siege(t, fortress, steps, ground, tenant, other);
  }

  get castle(): CastleOnHost {
    return this.ground.castle;
  }

  /** How many times the castle was killed at a step. */
  get kills(): number {
    return this.#kills;
  }

  /** The container that asks. */
  get tenant(): Tenant {
    return this.#tenant;
  }

  /** Another container in its place, after its end. */
  async newTenant(): Promise<void> {
    this.#tenant = await Tenant.start(this.t, this.castle);
  }

  /** Ends the castle, if it lives, and starts it again; returns when it answers. */
  async again(): Promise<void> {
    await this.castle.end('SIGKILL');
    await this.answersOrEnds();
  }

  /** Starts a castle. @returns whether it came so far that it answers */
  async answersOrEnds(...options: readonly string[]): Promise<boolean> {
    const started = this.castle.launch(options);
    let ended = false;
    void once(started, 'exit').then(() => {
      ended = true;
    });
    const answers = async () => (await this.castle.status()).pid === started.pid || undefined;
    return until('the castle answers', async () => (ended ? false : answers()), 60_000, 5);
  }

  /**
   * Kills the castle at a step of an act, starts it again, and looks whether all is as it must be.
   * @param at the step, counted from 1
   * @param startsToo the starts after that are killed as well, each before the step that is named here
   * @returns what was struck, if the act came so far, and what was wrong then
   */
  async kill(
    act: Act,
    moment: 'before' | 'after',
    at: number,
    startsToo: readonly number[] = [],
  ): Promise<Outcome> {
    this.steps.order(moment, at);
    const said = await act.run();
    const struck = this.steps.withdraw();
    if (struck !== undefined) {
      this.#kills += 1;
      await this.castle.ended();
      for (const step of startsToo) await this.killAtStart(step);
      await this.again();
    }
    const faults = await this.check(act, said);
    return {
      struck,
      faults: struck === undefined && said !== true ? ['it was not done', ...faults] : faults,
    };
  }

  /**
   * Lets a step of an act fail as on a full disk, then makes room and looks whether all is as it must be.
   * @param moment whether what follows fails, too, until there is room
   */
  async fail(act: Act, moment: 'fails once' | 'fails from then on', at: number): Promise<Outcome> {
    this.steps.order(moment, at);
    const said = await act.run();
    const struck = this.steps.withdraw();
    if (said === undefined) await this.again();
    return { struck, faults: await this.check(act, said) };
  }

  private async killAtStart(step: number): Promise<void> {
    this.steps.order('before', step);
    await this.answersOrEnds();
    if (this.steps.withdraw() !== undefined) this.#kills += 1;
    await this.castle.end('SIGKILL');
  }

  /**
   * Looks whether all that must be true of a volume is, and that a container gets it with all that was ever written in it.
   * @param said what the castle said of the act, if anything
   */
  async check(act: Act, said: boolean | undefined): Promise<readonly string[]> {
    const faults: string[] = [];
    const expect = (what: string, one: unknown, other: unknown) => {
      const [is, should] = [JSON.stringify(one), JSON.stringify(other)];
      if (is !== should) faults.push(`${what}: ${is} instead of ${should}`);
    };
    const { volume, fates, done, leases = 0 } = act;
    const fate = await this.fateOf(volume);
    if (!(said === true ? [done] : fates).includes(fate)) {
      faults.push(`it is ${fate}, the castle had said ${said}`);
    }
    if (said === true) {
      const known = (await this.get<Lease[]>('/v1/leases')).filter((lease) => lease.volume === volume);
      expect('leases at first', known.length, leases);
      expect('mounts at first', (await this.tenant.mounts(this.tenant.home)).length, leases);
    }
    if (act.snapshots !== undefined) faults.push(...(await this.checkSnapshots(act.snapshots, said)));
    await this.checkFolder(expect);
    if (fate === 'deleted') {
      const { status } = await this.castle.call('POST', `/v1/volumes/${volume}/restore`);
      expect('restored', status, 204);
    }
    if (fate === 'nowhere' || (await this.isBegunOnly(volume))) this.#expected.delete(volume);
    if (fate !== 'nowhere') faults.push(...(await this.useAndGiveBack(volume)));
    await this.checkFolder(expect);
    return faults;
  }

  /** Has the volume mounted in the tenant, whatever was begun; checks what it holds, adds to it, and gives it back. */
  async useAndGiveBack(volume: string): Promise<readonly string[]> {
    const faults: string[] = [];
    const expect = (what: string, one: unknown, other: unknown) => {
      const [is, should] = [JSON.stringify(one), JSON.stringify(other)];
      if (is !== should) faults.push(`${what}: ${is} instead of ${should}`);
    };
    const { tenant } = this;
    // An orphan of the last castle may still be at work: it has the image until it ends.
    const { id } = await until(`the tenant has ${volume}`, async () => {
      const { status, body } = await tenant.lease(volume);
      if (status === 200 || status === 201) return body;
      throw new Error(JSON.stringify(body));
    });
    expect('mounts in the container', (await tenant.mounts(tenant.home)).length, 1);
    const leases = await this.get<Lease[]>('/v1/leases');
    expect(
      'leases',
      leases.map((lease) => lease.id),
      [id],
    );
    expect('another container', (await this.other.lease(volume)).status, 409);
    const file = join(tenant.home, 'data');
    const before = this.#expected.get(volume) ?? '';
    const found = await tenant.read(file).catch(() => '');
    expect('data', found, before);
    await tenant.write(file, `${id}\n`);
    this.#expected.set(volume, `${found}${id}\n`);
    expect('given back', (await tenant.call('DELETE', `/v1/leases/${id}`)).status, 204);
    expect('mounts after', (await tenant.mounts(tenant.home)).length, 0);
    expect('mounts of the other', (await this.other.mounts(this.other.home)).length, 0);
    await this.ground.untilUnused();
    expect('leases after', await this.get('/v1/leases'), []);
    return faults;
  }

  /** Whether all volumes hold what was written in them, at the end. @returns what is wrong */
  async checkAll(): Promise<readonly string[]> {
    const faults: string[] = [];
    for (const volume of [...this.#expected.keys()]) {
      faults.push(...(await this.useAndGiveBack(volume)).map((fault) => `${volume}: ${fault}`));
    }
    const volumes = await this.get<Volume[]>('/v1/volumes');
    faults.push(
      ...volumes.filter(({ state }) => state !== 'ready').map(({ name }) => `${name} is not ready`),
    );
    return faults;
  }

  /** Checks everything and begins with an empty disk, once there are too many volumes for it. */
  async makeRoom(): Promise<readonly string[]> {
    const { mostVolumes = Number.POSITIVE_INFINITY } = this.fortress;
    if (this.#expected.size < mostVolumes) return [];
    const faults = await this.checkAll();
    await this.castle.end('SIGTERM');
    this.castle.loseState();
    this.ground.clear?.();
    this.#expected = new Map();
    await this.again();
    return faults;
  }

  /** Ends the castle and its containers. */
  async end(): Promise<void> {
    await this.castle.end('SIGTERM');
    await Promise.all([this.tenant.kill(), this.other.kill()]);
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.castle.get(path)).text) as T;
  }

  /** Asks the castle as the host's root. @returns whether it did it; undefined when it didn't answer */
  async order(method: 'POST' | 'DELETE', path: string, body?: object): Promise<boolean | undefined> {
    const answer = await this.castle.call(method, path, body).catch(() => undefined);
    return answer === undefined ? undefined : answer.status < 300;
  }

  /** Waits until no container has anything. @returns whether the castle lived that long */
  untilNoLease(): Promise<boolean> {
    return this.untilEmpty('/v1/leases');
  }

  /** Waits until nothing deleted is kept. @returns whether the castle lived that long */
  async untilNoneDeleted(): Promise<true | undefined> {
    return (await this.untilEmpty('/v1/volumes/deleted')) || undefined;
  }

  private untilEmpty(path: string): Promise<boolean> {
    const look = async () => {
      const answer = await this.castle.get(path).catch(() => undefined);
      return answer === undefined ? false : answer.text === '[]' || undefined;
    };
    return until(`${path} is empty`, look, 60_000, 5);
  }

  /** Takes a snapshot of a volume with data, and removes all before it. */
  async onlySnapshot(volume: string): Promise<Snapshot> {
    const faults = await this.useAndGiveBack(volume);
    if (faults.length > 0) throw new Error(`${volume}, before its snapshot: ${faults}`);
    const earlier = await this.get<Snapshot[]>('/v1/snapshots');
    await this.order('POST', '/v1/snapshots', { volume });
    for (const { id } of earlier) await this.order('DELETE', `/v1/snapshots/${id}`);
    const [only, ...others] = await this.get<Snapshot[]>('/v1/snapshots');
    if (only === undefined || others.length > 0) throw new Error(`${others.length + 1} snapshots`);
    return only;
  }

  /** If a volume will be there, then with what another one has now. */
  expectCopy(from: string, to: string): void {
    this.#expected.set(to, this.#expected.get(from) ?? '');
  }

  /** How many snapshots are whole. */
  async countSnapshots(): Promise<number> {
    return (await this.get<Snapshot[]>('/v1/snapshots')).filter(({ state }) => state === 'kept').length;
  }

  /** None is half, and as many are whole as were told of; the disk has the same. @returns what is wrong */
  private async checkSnapshots(
    { before, more }: NonNullable<Act['snapshots']>,
    said: boolean | undefined,
  ): Promise<readonly string[]> {
    const [all, whole] = [await this.get<Snapshot[]>('/v1/snapshots'), await this.countSnapshots()];
    const lying = (await this.ground.look()).snapshots;
    const possible = said === true ? [before + more] : [before, before + more];
    const isRight = possible.includes(whole) && all.length === whole && lying === whole;
    return isRight
      ? []
      : [`snapshots: ${whole} whole of ${all.length}, ${lying} in the backend, after ${said}`];
  }

  private async fateOf(volume: string): Promise<Fate> {
    const isIt = ({ name }: { readonly name: string }) => name === volume;
    const isThere = (await this.get<Volume[]>('/v1/volumes')).some(isIt);
    const isDeleted = (await this.get<DeletedVolume[]>('/v1/volumes/deleted')).some(isIt);
    if (isThere && isDeleted) throw new Error(`${volume} is there and deleted at the same time`);
    return isThere ? 'there' : isDeleted ? 'deleted' : 'nowhere';
  }

  /** Whether nothing but an entry is left of a creation that came to nothing: the next request for it begins anew. */
  private async isBegunOnly(volume: string): Promise<boolean> {
    const known = (await this.get<Volume[]>('/v1/volumes')).find(({ name }) => name === volume);
    return known?.state === 'creating' && !(await this.ground.look()).volumes.includes(volume);
  }

  /** The castle knows what lies in its folder, and nothing else lies there; nothing of it is mounted on the host. */
  private async checkFolder(expect: (what: string, one: unknown, other: unknown) => void): Promise<void> {
    const sorted = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name).sort();
    const { volumes, deleted, leftOver } = await this.ground.look();
    // One that is being made may be there or not; what it has become is found out by the next request.
    const known = (await this.get<Volume[]>('/v1/volumes')).filter(
      ({ name, state }) => state === 'ready' || volumes.includes(name),
    );
    expect('volumes in the backend', [...volumes].sort(), sorted(known));
    expect(
      'deleted in the backend',
      [...deleted].sort(),
      sorted(await this.get<DeletedVolume[]>('/v1/volumes/deleted')),
    );
    expect('left over', leftOver, []);
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    expect(
      'mounts on the host',
      mounts.filter((line) => line.includes(this.castle.backend)),
      [],
    );
  }
}
