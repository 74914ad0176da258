/**
 * The castle's HTTP API: the schemas of all requests and answers, defined only here.
 * The castle validates requests with these schemas and serves the OpenAPI document that is generated from them. The client in
 * the container imports only the types, so that its bundle has no schema library.
 */
import { type Static, Type } from 'typebox';
import { volumeNamePattern } from './volume-name.ts';

const VolumeName = Type.String({
  pattern: volumeNamePattern.source,
  description: 'Letters, digits, _ . -; starts with a letter or digit; at most 128 characters.',
});

/**
 * POST /v1/leases: mounts a volume. It does not name the container: the castle identifies it by the socket's peer or the token.
 */
export const LeaseRequest = Type.Object(
  {
    volume: VolumeName,
    target: Type.String({
      minLength: 2,
      maxLength: 4096,
      description: 'Mount point in the container: an absolute path of an existing folder, without symlinks.',
    }),
    waitSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 3600,
        description: 'How long to wait in the queue for a volume that is in use.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type LeaseRequest = Static<typeof LeaseRequest>;

/**
 * The states of a lease; src/castle/leases/lease-states.ts has the table of transitions. Type.Enum, not a union of constants:
 * Fastify would compile validators with Ajv to serialize a union, which makes the first response 40 ms slower.
 */
export const LeaseState = Type.Enum(['mounting', 'mounted', 'releasing', 'ended']);
export type LeaseState = Static<typeof LeaseState>;

/** The right of one container to use one volume, from request to release. */
export const Lease = Type.Object({
  id: Type.String(),
  volume: Type.String(),
  container: Type.String({ description: "The runtime's id of the container." }),
  containerName: Type.String({ description: 'The name of the container.' }),
  target: Type.String(),
  readonly: Type.Optional(Type.Boolean({ description: 'Whether the mount is read-only.' })),
  shared: Type.Optional(
    Type.Boolean({ description: 'Whether other containers may write to the volume at the same time.' }),
  ),
  state: LeaseState,
  mountId: Type.Integer({
    description: 'Id of the mount in /proc/self/mountinfo of the container; 0 before it is mounted.',
  }),
  since: Type.String({ description: 'When it was requested, ISO 8601, UTC.' }),
});
export type Lease = Static<typeof Lease>;

/** A volume: data that outlives containers. */
export const Volume = Type.Object({
  name: Type.String(),
  id: Type.Optional(
    Type.String({ description: 'A UUID; that of the file system, where volumes are devices.' }),
  ),
  backend: Type.String(),
  state: Type.Enum(['creating', 'ready']),
  created: Type.String({ description: 'ISO 8601, UTC.' }),
  sizeBytes: Type.Optional(
    Type.Integer({ description: 'The size of the volume, where the backend can report it cheaply.' }),
  ),
  shared: Type.Optional(Type.Boolean({ description: 'Whether several containers may write to it at once.' })),
  leases: Type.Array(Type.String(), { description: 'Ids of the leases on it now.' }),
});
export type Volume = Static<typeof Volume>;

/** The states of a snapshot; src/castle/snapshots/snapshot-states.ts has the table of transitions. */
export type SnapshotState = 'freezing' | 'taking' | 'ready' | 'deleting' | 'deleted';
export type SnapshotOrigin = 'manual' | 'scheduled' | 'fetched' | 'adopted';

/** Whether a snapshot has an off-host copy. */
export type OffHostCopy = 'none' | 'copied' | 'unwanted';

/** The content of a volume at one moment. */
export const Snapshot = Type.Object({
  id: Type.String(),
  volume: Type.String(),
  volumeId: Type.Optional(Type.String({ description: 'The id of the volume, where it has one.' })),
  backend: Type.String(),
  state: Type.Unsafe<SnapshotState>(Type.String({ description: 'freezing, taking, ready or deleting.' })),
  taken: Type.String({ description: 'When it was started, ISO 8601, UTC.' }),
  origin: Type.Unsafe<SnapshotOrigin>(
    Type.String({
      description: 'manual, scheduled, fetched from an off-host copy, or adopted after the state was lost.',
    }),
  ),
  note: Type.Optional(Type.String()),
  sizeBytes: Type.Optional(
    Type.Integer({
      description: 'The space that only this snapshot uses, in bytes, where the backend can report it.',
    }),
  ),
  offHostCopy: Type.Unsafe<OffHostCopy>(
    Type.String({
      description:
        'none, copied, or unwanted: its off-host copy was deleted, and the schedule does not create another.',
    }),
  ),
});
export type Snapshot = Static<typeof Snapshot>;

/** An off-host copy of a snapshot. */
export const SnapshotCopy = Type.Object({
  id: Type.String({ description: 'The id of the snapshot.' }),
  volume: Type.String(),
  taken: Type.String({ description: 'When it was started, ISO 8601, UTC.' }),
  format: Type.String({
    description: 'The format of its content: the type of the file system of an image, or tar.',
  }),
  key: Type.String({ description: 'The name of the object.' }),
  bytes: Type.Integer({ description: 'The size of the object.' }),
});
export type SnapshotCopy = Static<typeof SnapshotCopy>;

/** POST /v1/snapshots: takes a snapshot. */
export const SnapshotRequest = Type.Object(
  { volume: VolumeName, note: Type.Optional(Type.String({ maxLength: 1024 })) },
  { additionalProperties: false },
);
export type SnapshotRequest = Static<typeof SnapshotRequest>;

/** POST /v1/snapshots/ID/restore: creates a volume from a snapshot. */
export const RestoreRequest = Type.Object(
  {
    name: VolumeName,
    sizeBytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'The size of the new volume, at least that of the old one; default: the same.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type RestoreRequest = Static<typeof RestoreRequest>;

/** POST /v1/volumes: creates a volume before a container requests it. */
export const VolumeRequest = Type.Object(
  {
    name: VolumeName,
    uid: Type.Integer({ minimum: 0, maximum: 4294967294, description: 'Its owner on disk.' }),
    gid: Type.Integer({ minimum: 0, maximum: 4294967294 }),
    sizeBytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Its size, where volumes have one; default: that of --backend.',
      }),
    ),
    shared: Type.Optional(
      Type.Boolean({
        description: 'Whether several containers may write to it at once. This cannot be changed later.',
      }),
    ),
    snapshot: Type.Optional(
      Type.String({
        maxLength: 256,
        description: 'The snapshot that it is created from: its id, or latest:VOLUME.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type VolumeRequest = Static<typeof VolumeRequest>;

/** A deleted volume that is still in the trash. */
export const DeletedVolume = Type.Object({
  name: Type.String(),
  backend: Type.String(),
  created: Type.String({ description: 'ISO 8601, UTC.' }),
  deleted: Type.String({ description: 'ISO 8601, UTC.' }),
  id: Type.String({ description: 'Unique among deleted volumes.' }),
});
export type DeletedVolume = Static<typeof DeletedVolume>;

/** POST /v1/volumes/NAME/unlock: discards the claim of a host on a volume. */
export const Unlocked = Type.Object({
  host: Type.Optional(
    Type.String({ description: 'The host whose claim was discarded; absent when there was no claim.' }),
  ),
});
export type Unlocked = Static<typeof Unlocked>;

/** POST /v1/volumes/NAME/size: grows a volume. */
export const GrowRequest = Type.Object(
  { sizeBytes: Type.Integer({ minimum: 1, description: 'The new size, at least the current one.' }) },
  { additionalProperties: false },
);
export type GrowRequest = Static<typeof GrowRequest>;

/** POST /v1/tokens: creates a token with which a container can request its volume over TLS. */
export const TokenRequest = Type.Object(
  {
    container: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]*$',
      maxLength: 256,
      description: 'The id or the name of the container.',
    }),
    volume: VolumeName,
    ttlMs: Type.Integer({
      minimum: 1000,
      maximum: 86_400_000,
      description: 'How long it is valid, in milliseconds.',
    }),
  },
  { additionalProperties: false },
);
export type TokenRequest = Static<typeof TokenRequest>;

/** A token, and the container and volume that it is for. */
export const Token = Type.Object({
  token: Type.String({ description: 'A secret: one word of plain ASCII.' }),
  container: Type.String(),
  containerName: Type.String(),
  volume: Type.String(),
  expires: Type.String({ description: 'ISO 8601, UTC.' }),
  owner: Type.Optional(
    Type.Object(
      { uid: Type.Integer(), gid: Type.Integer() },
      {
        description:
          "The user of the container's first process, as the host numbers it; absent when the container is not running.",
      },
    ),
  ),
});
export type Token = Static<typeof Token>;

/** GET /v1/devices: the devices of the volumes that are attached to this host. */
export const Devices = Type.Object({
  devices: Type.Array(
    Type.Object({
      volume: Type.String(),
      device: Type.Optional(
        Type.String({ description: 'The path of its device node; absent while it is being attached.' }),
      ),
      source: Type.String({
        description: 'The path of the image, or the id of the EBS volume.',
      }),
      name: Type.Optional(Type.String({ description: 'The device name that was requested from EC2.' })),
      state: Type.Optional(Type.String({ description: 'The state of the attachment, as EC2 reports it.' })),
      sizeBytes: Type.Integer(),
      fileSystem: Type.String(),
      since: Type.Optional(Type.String({ description: 'When it was attached, ISO 8601, UTC.' })),
    }),
  ),
  avoidedNames: Type.Array(
    Type.Object({
      name: Type.String(),
      reason: Type.String({ description: 'Why it is avoided, as the end of a sentence after "because".' }),
      until: Type.String({ description: 'ISO 8601, UTC.' }),
    }),
    { description: 'Device names that the castle does not use for some time.' },
  ),
});
export type Devices = Static<typeof Devices>;

/** POST /v1/gc: collects garbage. */
export const GcRequest = Type.Object(
  { dryRun: Type.Boolean({ description: 'Only report, and change nothing.' }) },
  { additionalProperties: false },
);
export type GcRequest = Static<typeof GcRequest>;

/** Something that the castle created and that is no longer in use, and what garbage collection did with it. */
export const GarbageResult = Type.Object({
  kind: Type.String({ description: 'mount, device, volume, snapshot, file or lease' }),
  name: Type.String(),
  reason: Type.String({ description: 'Why it is garbage, as the end of a sentence after a colon.' }),
  outcome: Type.Enum(['found', 'removed', 'left', 'failed']),
  remedy: Type.Optional(Type.String({ description: 'What an operator can do about it.' })),
});
export type GarbageResult = Static<typeof GarbageResult>;

/** GET /v1/status */
export const Status = Type.Object({
  version: Type.String(),
  pid: Type.Integer(),
  started: Type.String({ description: 'ISO 8601, UTC.' }),
  runtime: Type.String(),
  engine: Type.Optional(Type.Enum(['connected', 'disconnected'])),
  backend: Type.String(),
  volumes: Type.Integer(),
  leases: Type.Integer({ description: 'Leases that have not ended.' }),
  waiting: Type.Integer({ description: 'Requests that wait in the queue for a volume.' }),
});
export type Status = Static<typeof Status>;

/**
 * The body of the response to a refused request. Programs decide by `code`; `message` and `remedy` are text for the operator.
 */
export const Refusal = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String({ description: 'What happened, to what, why.' }),
    remedy: Type.String({ description: 'What to do.' }),
    holder: Type.Optional(
      Type.String({ description: 'With volume_in_use: the container that uses the volume.' }),
    ),
  }),
});
export type Refusal = Static<typeof Refusal>;

/** The refusal codes. Clients decide by the code, never by the message. */
export type RefusalCode =
  | 'bad_request' // 400: the body is wrong
  | 'bad_volume_name' // 400
  | 'bad_target' // 422: the mount point is missing, a file, a symlink, or not acceptable
  | 'not_permitted' // 403: the labels of this container do not allow this volume
  | 'not_found' // 404
  | 'volume_in_use' // 409: another container uses it; may succeed later
  | 'busy' // 409: the mount is in use and cannot be removed; may succeed later
  | 'backend_failed' // 503: the backend or the store cannot provide it now (full, read-only, …)
  | 'internal'; // 500
