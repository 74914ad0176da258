/** The operations in which a castle is interrupted. */
import type { Test } from 'tap';
import type { Snapshot } from '../../../src/protocol/contract.ts';
import { ext4Grows } from '../backends/loop/loop-host.ts';
import { crashBackends, ext4, oneOfEachKind, storeSteps, xfs } from './crash-backends.ts';
import type { CrashBackend, CrashHarness, PreparedOperation, VolumeState } from './crash-harness.ts';
import type { StrikeResult } from './step-interrupter.ts';

/** An operation of the castle. */
export interface Operation {
  readonly name: string;
  readonly on: readonly CrashBackend[];
  /**
   * Set if a step that could not be recorded is completed later: by the next request for the volume, the next
   * reconciliation or the next start. Until then something is left over, and no event reports when it has been removed.
   */
  readonly isCompletedLater?: true;
  /**
   * Creates everything that the operation requires.
   * @param fresh a name that no volume has yet
   */
  prepare(harness: CrashHarness, fresh: string): Promise<PreparedOperation>;
}

/** The name of a volume with data, which a container used earlier. */
const old = 'old';
/** For operations that must not change whether the volume `old` exists. */
const oldUnchanged = {
  volume: old,
  possible: ['present'] as readonly VolumeState[],
  done: 'present',
} as const;

export const operations: readonly Operation[] = [
  {
    name: 'create',
    on: storeSteps,
    prepare: async (harness, fresh) => ({
      volume: fresh,
      possible: ['absent', 'present'],
      done: 'present',
      run: () => harness.request('POST', '/v1/volumes', { name: fresh, uid: 0, gid: 0 }),
    }),
  },
  {
    name: 'mount of a new volume',
    on: crashBackends,
    prepare: async (harness, fresh) => ({
      volume: fresh,
      possible: ['absent', 'present'],
      done: 'present',
      leases: 1,
      run: () => mount(harness, fresh),
    }),
  },
  {
    name: 'mount of a new volume on a path that does not exist',
    isCompletedLater: true,
    on: storeSteps,
    // An empty volume may stay although its creation was not reported: the next request uses it.
    prepare: async (harness, fresh) => ({
      volume: fresh,
      possible: ['absent', 'present'],
      done: 'absent',
      async run() {
        const { status } = await harness.container.lease(fresh, '/is/nowhere');
        return status === undefined ? undefined : status === 422;
      },
    }),
  },
  {
    name: 'mount of a volume with data',
    on: crashBackends,
    prepare: async (harness) => ({
      ...oldUnchanged,
      leases: 1,
      run: () => mount(harness, old),
    }),
  },
  {
    name: 'release',
    on: oneOfEachKind,
    async prepare(harness) {
      const { id } = (await harness.container.lease(old)).body;
      return {
        ...oldUnchanged,
        async run() {
          const { status } = await harness.container.call('DELETE', `/v1/leases/${id}`);
          return status === undefined ? undefined : status === 204;
        },
      };
    },
  },
  {
    name: "the container's end",
    isCompletedLater: true,
    on: storeSteps,
    async prepare(harness) {
      await harness.container.lease(old);
      return {
        ...oldUnchanged,
        async run() {
          await harness.container.kill();
          const isOver = await harness.untilNoLease();
          await harness.replaceContainer();
          return isOver ? true : undefined;
        },
      };
    },
  },
  {
    name: 'start after a mount was interrupted and the container has ended',
    isCompletedLater: true,
    on: storeSteps,
    async prepare(harness) {
      await harness.container.lease(old);
      await harness.castle.end('SIGKILL');
      await harness.container.kill();
      await harness.replaceContainer();
      return started(harness, oldUnchanged);
    },
  },
  {
    name: 'start with a container that has its volume',
    on: storeSteps,
    async prepare(harness) {
      await harness.container.lease(old);
      await harness.castle.end('SIGKILL');
      return started(harness, { ...oldUnchanged, leases: 1 });
    },
  },
  {
    name: 'delete',
    on: oneOfEachKind,
    prepare: async (harness) => ({
      volume: old,
      possible: ['present', 'deleted'],
      done: 'deleted',
      run: () => harness.request('DELETE', `/v1/volumes/${old}`),
    }),
  },
  {
    name: 'restore',
    on: oneOfEachKind,
    async prepare(harness) {
      await harness.request('DELETE', `/v1/volumes/${old}`);
      return {
        volume: old,
        possible: ['deleted', 'present'],
        done: 'present',
        run: () => harness.request('POST', `/v1/volumes/${old}/restore`),
      };
    },
  },
  {
    name: 'purge',
    isCompletedLater: true,
    on: storeSteps,
    async prepare(harness, fresh) {
      await harness.useAndRelease(fresh);
      await harness.request('DELETE', `/v1/volumes/${fresh}`);
      await harness.castle.end('SIGKILL');
      return started(harness, { volume: fresh, possible: ['deleted', 'absent'], done: 'absent' }, [
        '--keep-deleted',
        '1ms',
      ]);
    },
  },
  {
    name: 'snapshot',
    isCompletedLater: true,
    on: storeSteps,
    prepare: takingSnapshot,
  },
  {
    name: 'snapshot under a container',
    isCompletedLater: true,
    on: crashBackends,
    async prepare(harness) {
      await harness.container.lease(old);
      return {
        ...(await takingSnapshot(harness)),
        leases: 1,
      };
    },
  },
  {
    name: 'a new volume from a snapshot',
    on: crashBackends,
    async prepare(harness, fresh) {
      const { id } = await harness.onlySnapshot(old);
      harness.expectCopy(old, fresh);
      return {
        volume: fresh,
        possible: ['absent', 'present'],
        done: 'present',
        run: () => harness.request('POST', `/v1/snapshots/${id}/restore`, { name: fresh }),
      };
    },
  },
  {
    name: 'removal of a snapshot',
    isCompletedLater: true,
    on: storeSteps,
    async prepare(harness) {
      await harness.request('POST', '/v1/snapshots', { volume: old });
      const [snapshot] = await harness.get<Snapshot[]>('/v1/snapshots');
      return {
        ...oldUnchanged,
        snapshots: { before: await harness.countSnapshots(), more: -1 },
        run: () => harness.request('DELETE', `/v1/snapshots/${snapshot?.id}`),
      };
    },
  },
  {
    name: 'grow',
    on: ext4Grows() ? [ext4, xfs] : [xfs],
    prepare: async (harness) => ({ ...oldUnchanged, ...growing(harness) }),
  },
  {
    name: 'grow under a container',
    on: [xfs],
    async prepare(harness) {
      await harness.container.lease(old);
      return { ...oldUnchanged, ...growing(harness), leases: 1 };
    },
  },
];

async function mount(harness: CrashHarness, volume: string): Promise<boolean | undefined> {
  const { status } = await harness.container.lease(volume);
  return status === undefined ? undefined : status === 201 || status === 200;
}

async function takingSnapshot(harness: CrashHarness): Promise<PreparedOperation> {
  return {
    ...oldUnchanged,
    snapshots: { before: await harness.countSnapshots(), more: 1 },
    run: () => harness.request('POST', '/v1/snapshots', { volume: old }),
  };
}

/** An operation that is the castle's start. */
function started(
  harness: CrashHarness,
  operation: Omit<PreparedOperation, 'run'>,
  options: readonly string[] = [],
): PreparedOperation {
  return {
    ...operation,
    async run() {
      if (!(await harness.startsUp(...options))) return undefined;
      return operation.done === 'absent' ? harness.untilPurged(operation.volume) : true;
    },
  };
}

/** The last size to which the volume was grown; each operation grows it to a larger one. */
let megabytes = 300;
function growing(harness: CrashHarness): Pick<PreparedOperation, 'run'> {
  megabytes += 1;
  const sizeBytes = megabytes << 20;
  return { run: () => harness.request('POST', `/v1/volumes/${old}/size`, { sizeBytes }) };
}

export const nameOf = (operation: Operation, backend: CrashBackend): string =>
  `${operation.name}, ${backend.name}`;

/** Returns each operation with each backend that supports it. @param picked selects those whose names contain this text */
export const crashCases = (picked: string): readonly { operation: Operation; backend: CrashBackend }[] =>
  operations
    .flatMap((operation) => operation.on.map((backend) => ({ operation, backend })))
    .filter(({ operation, backend }) => nameOf(operation, backend).includes(picked));

/** Works on three items at the same time, since the start of a castle uses only one CPU. */
export async function concurrently<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: 3 }, worker));
}

/** Describes the interrupted step, for the message of an assertion. */
export const describe = ({ struck }: StrikeResult): string => struck?.what ?? 'which it has not';

/** Checks everything and clears the backend once there are too many volumes, since images are large. */
export async function clearWhenFull(t: Test, harness: CrashHarness, name: string): Promise<void> {
  const faults = await harness.clearWhenFull();
  if (faults.length > 0) t.fail(`${name}: ${faults}`);
}
