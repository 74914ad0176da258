import { type Static, Type } from 'typebox';

const count = Type.Integer({ minimum: 0 });
const milliseconds = Type.Integer({ minimum: 0 });
const bucket = Type.Object(
  { size: Type.Integer({ minimum: 1 }), refillPerSecond: Type.Number({ minimum: 0 }) },
  { additionalProperties: false },
);

/** How the cloud is, until somebody sets it otherwise. */
export const Settings = Type.Object(
  {
    /** How long things take. */
    delaysMs: Type.Object(
      {
        create: milliseconds,
        attach: milliseconds,
        detach: milliseconds,
        delete: milliseconds,
        snapshot: milliseconds,
        /** As long as a growing volume is `modifying`. */
        modify: milliseconds,
        /** As long as it is `optimizing` then. */
        optimize: milliseconds,
      },
      { additionalProperties: false },
    ),
    /** Eventual consistency: a part of the requests sees the cloud as it was so long ago. */
    lag: Type.Object(
      {
        ms: Type.Integer({ minimum: 0, maximum: 60_000 }),
        probability: Type.Number({ minimum: 0, maximum: 1 }),
      },
      { additionalProperties: false },
    ),
    limits: Type.Object(
      {
        /** Volumes of the account; more are VolumeLimitExceeded. */
        volumes: count,
        /** Snapshots of the account; more are SnapshotLimitExceeded. */
        snapshots: count,
        /** Pending snapshots of one volume; more are ConcurrentSnapshotLimitExceeded. */
        concurrentSnapshots: count,
        /** Between two snapshots of one volume, 15 on the real service; 0: none. */
        secondsBetweenSnapshots: Type.Number({ minimum: 0 }),
        /** Volumes of an instance, the root volume among them; 0: what its type allows. */
        attachments: count,
        /** Between two changes of a volume, 6 on the real service; 0: none. */
        hoursBetweenModifications: Type.Number({ minimum: 0 }),
      },
      { additionalProperties: false },
    ),
    /** Token buckets, one for each action. */
    throttling: Type.Object(
      { on: Type.Boolean(), describe: bucket, unfiltered: bucket, mutate: bucket },
      { additionalProperties: false },
    ),
    /** The service's clock is so far ahead. */
    clockMs: Type.Integer(),
  },
  { additionalProperties: false },
);
export type Settings = Static<typeof Settings>;

/**
 * Fast, consistent and unthrottled. The limits are the default quotas of an account; the buckets are those that the EC2
 * Developer Guide ("Request throttling for the Amazon EC2 API") gives for non-mutating, for unfiltered and unpaginated
 * non-mutating, and for mutating actions.
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
