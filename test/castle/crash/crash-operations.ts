/** What a castle is interrupted in: an operation more is a few lines here. */
import type { Test } from 'tap';
import type { Snapshot } from '../../../src/protocol/contract.ts';
import { ext4Grows } from '../backends/loop/loop-host.ts';
import { eachBackend, ext4, fortresses, onHost, xfs } from './crash-backends.ts';
import type { Act, Fortress, Outcome, Siege } from './crash-harness.ts';

/** An operation of the castle, and how it comes about. */
export interface Operation {
  readonly name: string;
  readonly on: readonly Fortress[];
  /**
   * What could not be written down is made up for later, by the next request for it, look at everything or start: until then
   * something is left, and nobody is told when it goes.
   */
  readonly isMadeUpForLater?: true;
  /**
   * Brings a siege to where the operation begins.
   * @param fresh a name that no volume has
   */
  prepare(siege: Siege, fresh: string): Promise<Act>;
}

/** A volume that a container had before, with data. */
const old = 'old';
/** Whatever is done then, it stays where it is. */
const oldStays = { volume: old, fates: ['there'], done: 'there' } as const;

export const operations: readonly Operation[] = [
  {
    name: 'create',
    on: onHost,
    prepare: async (siege, fresh) => ({
      volume: fresh,
      fates: ['nowhere', 'there'],
      done: 'there',
      run: () => siege.order('POST', '/v1/volumes', { name: fresh, uid: 0, gid: 0 }),
    }),
  },
  {
    name: 'mount of a new volume',
    on: fortresses,
    prepare: async (siege, fresh) => ({
      volume: fresh,
      fates: ['nowhere', 'there'],
      done: 'there',
      leases: 1,
      run: () => mount(siege, fresh),
    }),
  },
  {
    name: 'mount of a new volume on a wrong place',
    isMadeUpForLater: true,
    on: onHost,
    // An empty volume that nobody was told of may stay: the next request takes it.
    prepare: async (siege, fresh) => ({
      volume: fresh,
      fates: ['nowhere', 'there'],
      done: 'nowhere',
      async run() {
        const { status } = await siege.tenant.lease(fresh, '/is/nowhere');
        return status === undefined ? undefined : status === 422;
      },
    }),
  },
  {
    name: 'mount of a volume with data',
    on: fortresses,
    prepare: async (siege) => ({
      ...oldStays,
      leases: 1,
      run: () => mount(siege, old),
    }),
  },
  {
    name: 'release',
    on: eachBackend,
    async prepare(siege) {
      const { id } = (await siege.tenant.lease(old)).body;
      return {
        ...oldStays,
        async run() {
          const { status } = await siege.tenant.call('DELETE', `/v1/leases/${id}`);
          return status === undefined ? undefined : status === 204;
        },
      };
    },
  },
  {
    name: "the container's end",
    isMadeUpForLater: true,
    on: onHost,
    async prepare(siege) {
      await siege.tenant.lease(old);
      return {
        ...oldStays,
        async run() {
          await siege.tenant.kill();
          const isOver = await siege.untilNoLease();
          await siege.newTenant();
          return isOver ? true : undefined;
        },
      };
    },
  },
  {
    name: 'start after a mount was cut off and the container has ended',
    isMadeUpForLater: true,
    on: onHost,
    async prepare(siege) {
      await siege.tenant.lease(old);
      await siege.castle.end('SIGKILL');
      await siege.tenant.kill();
      await siege.newTenant();
      return started(siege, oldStays);
    },
  },
  {
    name: 'start with a container that has its volume',
    on: onHost,
    async prepare(siege) {
      await siege.tenant.lease(old);
      await siege.castle.end('SIGKILL');
      return started(siege, { ...oldStays, leases: 1 });
    },
  },
  {
    name: 'delete',
    on: eachBackend,
    prepare: async (siege) => ({
      volume: old,
      fates: ['there', 'deleted'],
      done: 'deleted',
      run: () => siege.order('DELETE', `/v1/volumes/${old}`),
    }),
  },
  {
    name: 'restore',
    on: eachBackend,
    async prepare(siege) {
      await siege.order('DELETE', `/v1/volumes/${old}`);
      return {
        volume: old,
        fates: ['deleted', 'there'],
        done: 'there',
        run: () => siege.order('POST', `/v1/volumes/${old}/restore`),
      };
    },
  },
  {
    name: 'purge',
    isMadeUpForLater: true,
    on: onHost,
    async prepare(siege, fresh) {
      await siege.useAndGiveBack(fresh);
      await siege.order('DELETE', `/v1/volumes/${fresh}`);
      await siege.castle.end('SIGKILL');
      return started(siege, { volume: fresh, fates: ['deleted', 'nowhere'], done: 'nowhere' }, [
        '--keep-deleted',
        '1ms',
      ]);
    },
  },
  {
    name: 'snapshot',
    isMadeUpForLater: true,
    on: onHost,
    prepare: takingSnapshot,
  },
  {
    name: 'snapshot under a container',
    isMadeUpForLater: true,
    on: fortresses,
    async prepare(siege) {
      await siege.tenant.lease(old);
      return {
        ...(await takingSnapshot(siege)),
        leases: 1,
      };
    },
  },
  {
    name: 'a new volume from a snapshot',
    on: fortresses,
    async prepare(siege, fresh) {
      const { id } = await siege.onlySnapshot(old);
      siege.expectCopy(old, fresh);
      return {
        volume: fresh,
        fates: ['nowhere', 'there'],
        done: 'there',
        run: () => siege.order('POST', `/v1/snapshots/${id}/restore`, { name: fresh }),
      };
    },
  },
  {
    name: 'removal of a snapshot',
    isMadeUpForLater: true,
    on: onHost,
    async prepare(siege) {
      await siege.order('POST', '/v1/snapshots', { volume: old });
      const [snapshot] = await siege.get<Snapshot[]>('/v1/snapshots');
      return {
        ...oldStays,
        snapshots: { before: await siege.countSnapshots(), more: -1 },
        run: () => siege.order('DELETE', `/v1/snapshots/${snapshot?.id}`),
      };
    },
  },
  {
    name: 'grow',
    on: ext4Grows() ? [ext4, xfs] : [xfs],
    prepare: async (siege) => ({ ...oldStays, ...growing(siege) }),
  },
  {
    name: 'grow under a container',
    on: [xfs],
    async prepare(siege) {
      await siege.tenant.lease(old);
      return { ...oldStays, ...growing(siege), leases: 1 };
    },
  },
];

async function mount(siege: Siege, volume: string): Promise<boolean | undefined> {
  const { status } = await siege.tenant.lease(volume);
  return status === undefined ? undefined : status === 201 || status === 200;
}

async function takingSnapshot(siege: Siege): Promise<Act> {
  return {
    ...oldStays,
    snapshots: { before: await siege.countSnapshots(), more: 1 },
    run: () => siege.order('POST', '/v1/snapshots', { volume: old }),
  };
}

/** The castle's start is the act. */
function started(siege: Siege, act: Omit<Act, 'run'>, options: readonly string[] = []): Act {
  return {
    ...act,
    async run() {
      if (!(await siege.answersOrEnds(...options))) return undefined;
      return act.done === 'nowhere' ? siege.untilNoneDeleted() : true;
    },
  };
}

/** Each time by some more. */
let megabytes = 300;
function growing(siege: Siege): Pick<Act, 'run'> {
  megabytes += 1;
  const sizeBytes = megabytes << 20;
  return { run: () => siege.order('POST', `/v1/volumes/${old}/size`, { sizeBytes }) };
}

export const nameOf = (operation: Operation, fortress: Fortress): string =>
  `${operation.name}, ${fortress.name}`;

/** Each operation on each backend that has it. @param picked only those whose names have it */
export const sieges = (picked: string): readonly { operation: Operation; fortress: Fortress }[] =>
  operations
    .flatMap((operation) => operation.on.map((fortress) => ({ operation, fortress })))
    .filter(({ operation, fortress }) => nameOf(operation, fortress).includes(picked));

/** Several castles are besieged at the same time: most of the time goes into starts, on one CPU each. */
export async function severalAtOnce<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: 3 }, worker));
}

/** What was struck, for the message. */
export const whatOf = ({ struck }: Outcome): string => struck?.what ?? 'to which it did not come';

/** Images are large: now and then the disk is cleared, once all is looked at. */
export async function makeRoom(t: Test, siege: Siege, name: string): Promise<void> {
  const faults = await siege.makeRoom();
  if (faults.length > 0) t.fail(`${name}: ${faults}`);
}
