import { type Static, Type } from 'typebox';

const count = Type.Integer({ minimum: 0 });
const milliseconds = Type.Integer({ minimum: 0 });
const bucket = Type.Object(
  { size: Type.Integer({ minimum: 1 }), refillPerSecond: Type.Number({ minimum: 0 }) },
  { additionalProperties: false },
);

/** The settings of a simulated cloud, which tests change. */
export const Settings = Type.Object(
  {
    /** Durations of operations, in milliseconds. */
    delaysMs: Type.Object(
      {
        create: milliseconds,
        attach: milliseconds,
        detach: milliseconds,
        delete: milliseconds,
        snapshot: milliseconds,
        /** How long a growing volume is `modifying`. */
        modify: milliseconds,
        /** How long it is `optimizing` after that. */
        optimize: milliseconds,
      },
      { additionalProperties: false },
    ),
    /** Eventual consistency: with this probability a request sees the state of `ms` milliseconds ago. */
    lag: Type.Object(
      {
        ms: Type.Integer({ minimum: 0, maximum: 60_000 }),
        probability: Type.Number({ minimum: 0, maximum: 1 }),
      },
      { additionalProperties: false },
    ),
    limits: Type.Object(
      {
        /** The maximum number of volumes of the account; above it VolumeLimitExceeded. */
        volumes: count,
        /** The maximum number of snapshots of the account; above it SnapshotLimitExceeded. */
        snapshots: count,
        /** The maximum number of pending snapshots of a volume; above it ConcurrentSnapshotLimitExceeded. */
        concurrentSnapshots: count,
        /** The minimum time between two snapshots of a volume; EC2: 15 seconds; 0: none. */
        secondsBetweenSnapshots: Type.Number({ minimum: 0 }),
        /** The maximum number of volumes on an instance, the root volume included; 0: that of its type. */
        attachments: count,
        /** The minimum time between two modifications of a volume; EC2: 6 hours; 0: none. */
        hoursBetweenModifications: Type.Number({ minimum: 0 }),
      },
      { additionalProperties: false },
    ),
    /** Token buckets, one for each action. */
    throttling: Type.Object(
      { on: Type.Boolean(), describe: bucket, unfiltered: bucket, mutate: bucket },
      { additionalProperties: false },
    ),
    /** How far the service's clock is ahead, in milliseconds. */
    clockMs: Type.Integer(),
  },
  { additionalProperties: false },
);
export type Settings = Static<typeof Settings>;

/**
 * The default settings: fast, consistent, not throttled. The limits are the default quotas of an account. The bucket sizes
 * are from the EC2 Developer Guide ("Request throttling for the Amazon EC2 API"): for non-mutating actions, for unfiltered
 * and unpaginated non-mutating actions, and for mutating actions.
 */
export const defaults: Settings = {
  delaysMs: { create: 20, attach: 20, detach: 20, delete: 0, snapshot: 20, modify: 20, optimize: 20 },
  lag: { ms: 0, probability: 1 },
  limits: {
    volumes: 5000,
    snapshots: 100_000,
    concurrentSnapshots: 5,
    secondsBetweenSnapshots: 0,
    attachments: 0,
    hoursBetweenModifications: 0,
  },
  throttling: {
    on: false,
    describe: { size: 100, refillPerSecond: 20 },
    unfiltered: { size: 50, refillPerSecond: 10 },
    mutate: { size: 50, refillPerSecond: 5 },
  },
  clockMs: 0,
};
