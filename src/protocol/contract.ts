/**
 * What a container and the castle say to each other over HTTP: the one place where it is written down.
 * The castle validates with these schemas and serves the OpenAPI document that comes from them; the client in
 * the container imports the types only, so its bundle carries no schema library.
 */
import { type Static, Type } from 'typebox';
import { volumeNamePattern } from './volume-name.ts';

const VolumeName = Type.String({
  pattern: volumeNamePattern.source,
  description: 'Letters, digits, _ . -; starts with a letter or digit; at most 128 characters.',
});

/** POST /v1/leases: "my storage, please". Who asks is never in here: it is read from the socket's peer. */
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
        description: 'How long to wait for a volume that others have, behind those who wait already.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type LeaseRequest = Static<typeof LeaseRequest>;

/** What a lease can be in; the transitions are the table in src/castle/leases/lease-states.ts. */
export const LeaseState = Type.Union(
  (['mounting', 'mounted', 'releasing', 'ended'] as const).map((state) => Type.Literal(state)),
);
export type LeaseState = 'mounting' | 'mounted' | 'releasing' | 'ended';

/** One container's right to one volume, from request to release. */
export const Lease = Type.Object({
  id: Type.String(),
  volume: Type.String(),
  container: Type.String({ description: "The runtime's id of the container." }),
  containerName: Type.String({ description: 'What people call the container.' }),
  target: Type.String(),
  readonly: Type.Optional(Type.Boolean({ description: 'Whether the container may only read.' })),
  shared: Type.Optional(
    Type.Boolean({ description: 'Whether it may write beside others that have the volume shared, too.' }),
  ),
  state: Type.Unsafe<LeaseState>(LeaseState),
  mountId: Type.Integer({
    description: 'Id of the mount in /proc/self/mountinfo of the container; 0 before it is there.',
  }),
  since: Type.String({ description: 'When it was asked for, ISO 8601, UTC.' }),
});
export type Lease = Static<typeof Lease>;

/** Data that outlives containers. */
export const Volume = Type.Object({
  name: Type.String(),
  id: Type.Optional(
    Type.String({ description: 'A UUID; where volumes are devices, that of the file system.' }),
  ),
  backend: Type.String(),
  state: Type.Unsafe<'creating' | 'ready'>(Type.Union([Type.Literal('creating'), Type.Literal('ready')])),
  created: Type.String({ description: 'ISO 8601, UTC.' }),
  sizeBytes: Type.Optional(
    Type.Integer({ description: 'The size of the volume, where the backend can report it cheaply.' }),
  ),
  shared: Type.Optional(Type.Boolean({ description: 'Whether several containers may write to it at once.' })),
  leases: Type.Array(Type.String(), { description: 'Ids of the leases on it now.' }),
});
export type Volume = Static<typeof Volume>;

/** What a snapshot can be in; the transitions are the table in src/castle/snapshots/snapshot-states.ts. */
export type SnapshotState = 'freezing' | 'taking' | 'ready' | 'deleting' | 'deleted';
export type SnapshotOrigin = 'manual' | 'scheduled' | 'fetched' | 'adopted';

/** Whether a snapshot has a copy off this host. */
export type OffHostCopy = 'none' | 'copied' | 'unwanted';

/** What a volume had at one moment. */
export const Snapshot = Type.Object({
  id: Type.String(),
  volume: Type.String(),
  volumeId: Type.Optional(Type.String({ description: 'The id of the volume, where it has one.' })),
  backend: Type.String(),
  state: Type.Unsafe<SnapshotState>(Type.String({ description: 'freezing, taking, ready or deleting.' })),
  taken: Type.String({ description: 'When it was begun, ISO 8601, UTC.' }),
  origin: Type.Unsafe<SnapshotOrigin>(
    Type.String({
      description: 'manual, scheduled, fetched from off this host, or adopted after the state had been lost.',
    }),
  ),
  note: Type.Optional(Type.String()),
  sizeBytes: Type.Optional(Type.Integer({ description: 'What it takes by itself, where that can be told.' })),
  offHostCopy: Type.Unsafe<OffHostCopy>(
    Type.String({
      description:
        'none, copied, or unwanted: its copy off this host was deleted, and the schedule makes no other one.',
    }),
  ),
});
export type Snapshot = Static<typeof Snapshot>;

/** A copy of a snapshot off this host. */
export const SnapshotCopy = Type.Object({
  id: Type.String({ description: 'The id of the snapshot.' }),
  volume: Type.String(),
  taken: Type.String({ description: 'When it was begun, ISO 8601, UTC.' }),
  format: Type.String({
    description: 'What its content is: the type of the file system of an image, or tar.',
  }),
  key: Type.String({ description: 'The name of the object.' }),
  bytes: Type.Integer({ description: 'How large the object is.' }),
});
export type SnapshotCopy = Static<typeof SnapshotCopy>;

/** POST /v1/snapshots: "keep what it has now". */
export const SnapshotRequest = Type.Object(
  { volume: VolumeName, note: Type.Optional(Type.String({ maxLength: 1024 })) },
  { additionalProperties: false },
);
export type SnapshotRequest = Static<typeof SnapshotRequest>;

/** POST /v1/snapshots/ID/restore: a new volume from it. */
export const RestoreRequest = Type.Object(
  {
    name: VolumeName,
    sizeBytes: Type.Optional(
      Type.Integer({ minimum: 1, description: 'At least as large as the volume was; so large without.' }),
    ),
  },
  { additionalProperties: false },
);
export type RestoreRequest = Static<typeof RestoreRequest>;

/** POST /v1/volumes: a volume before anybody asks for it. */
export const VolumeRequest = Type.Object(
  {
    name: VolumeName,
    uid: Type.Integer({ minimum: 0, maximum: 4294967294, description: 'Who it belongs to on disk.' }),
    gid: Type.Integer({ minimum: 0, maximum: 4294967294 }),
    sizeBytes: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Where volumes have a size; as the castle was told without.' }),
    ),
    shared: Type.Optional(
      Type.Boolean({ description: 'Whether several containers may write to it at once; it stays so.' }),
    ),
    snapshot: Type.Optional(
      Type.String({
        maxLength: 256,
        description: 'What it begins with: a snapshot by its id, or latest:VOLUME.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type VolumeRequest = Static<typeof VolumeRequest>;

/** A volume in the trash. */
export const DeletedVolume = Type.Object({
  name: Type.String(),
  backend: Type.String(),
  created: Type.String({ description: 'ISO 8601, UTC.' }),
  deleted: Type.String({ description: 'ISO 8601, UTC.' }),
  id: Type.String({ description: 'Unique among deleted volumes.' }),
});
export type DeletedVolume = Static<typeof DeletedVolume>;

/** POST /v1/volumes/NAME/unlock */
export const Unlocked = Type.Object({
  host: Type.Optional(Type.String({ description: 'The host that had the claim; none when nobody had one.' })),
});
export type Unlocked = Static<typeof Unlocked>;

/** POST /v1/volumes/NAME/size: "let it be so large". */
export const GrowRequest = Type.Object(
  { sizeBytes: Type.Integer({ minimum: 1, description: 'At least as large as it is.' }) },
  { additionalProperties: false },
);
export type GrowRequest = Static<typeof GrowRequest>;

/** POST /v1/tokens: "let this container ask over TLS". */
export const TokenRequest = Type.Object(
  {
    container: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]*$',
      maxLength: 256,
      description: 'Its id or its name.',
    }),
    volume: VolumeName,
    ttlMs: Type.Integer({
      minimum: 1000,
      maximum: 86_400_000,
      description: 'How long it counts, in milliseconds.',
    }),
  },
  { additionalProperties: false },
);
export type TokenRequest = Static<typeof TokenRequest>;

/** A token, and what it is for. */
export const Token = Type.Object({
  token: Type.String({ description: 'A secret: one word of plain ASCII.' }),
  container: Type.String(),
  containerName: Type.String(),
  volume: Type.String(),
  expires: Type.String({ description: 'ISO 8601, UTC.' }),
  owner: Type.Optional(
    Type.Object(
      { uid: Type.Integer(), gid: Type.Integer() },
      { description: "The user of the container's first process, by the host's numbers, when it runs." },
    ),
  ),
});
export type Token = Static<typeof Token>;

/** GET /v1/devices: what this host has of volumes that are devices. */
export const Devices = Type.Object({
  devices: Type.Array(
    Type.Object({
      volume: Type.String(),
      device: Type.Optional(Type.String({ description: 'Its node; none while it is on its way.' })),
      source: Type.String({
        description: 'What is on it: the path of an image, or the id of a volume of EBS.',
      }),
      name: Type.Optional(Type.String({ description: 'The device name that EC2 was asked for.' })),
      state: Type.Optional(Type.String({ description: "EC2's word for the attachment." })),
      sizeBytes: Type.Integer(),
      fileSystem: Type.String(),
      since: Type.Optional(Type.String({ description: 'When it was attached, ISO 8601, UTC.' })),
    }),
  ),
  avoidedNames: Type.Array(
    Type.Object({
      name: Type.String(),
      reason: Type.String({ description: 'Ends the sentence "it is avoided, because".' }),
      until: Type.String({ description: 'ISO 8601, UTC.' }),
    }),
    { description: 'Device names that are avoided for some time.' },
  ),
});
export type Devices = Static<typeof Devices>;

/** POST /v1/gc */
export const GcRequest = Type.Object(
  { dryRun: Type.Boolean({ description: 'Only look, and change nothing.' }) },
  { additionalProperties: false },
);
export type GcRequest = Static<typeof GcRequest>;

/** Something that the castle made and that belongs to nobody, with what became of it. */
export const GarbageResult = Type.Object({
  kind: Type.String({ description: 'mount, device, volume, snapshot, file or lease' }),
  name: Type.String(),
  reason: Type.String({ description: 'Ends the sentence "it belongs to nobody, because".' }),
  outcome: Type.Unsafe<'found' | 'removed' | 'left' | 'failed'>(
    Type.Union((['found', 'removed', 'left', 'failed'] as const).map((outcome) => Type.Literal(outcome))),
  ),
  remedy: Type.Optional(Type.String({ description: 'What a person can do about it.' })),
});
export type GarbageResult = Static<typeof GarbageResult>;

/** GET /v1/status */
export const Status = Type.Object({
  version: Type.String(),
  pid: Type.Integer(),
  started: Type.String({ description: 'ISO 8601, UTC.' }),
  runtime: Type.String(),
  engine: Type.Optional(
    Type.Unsafe<'connected' | 'disconnected'>(
      Type.Union([Type.Literal('connected'), Type.Literal('disconnected')]),
    ),
  ),
  backend: Type.String(),
  volumes: Type.Integer(),
  leases: Type.Integer({ description: 'Leases that are not ended.' }),
  waiting: Type.Integer({ description: 'Requests that wait for a volume.' }),
});
export type Status = Static<typeof Status>;

/** Every refusal. `code` is for programs, the message and the remedy are for people. */
export const Refusal = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String({ description: 'What happened, to what, why.' }),
    remedy: Type.String({ description: 'What to do.' }),
    holder: Type.Optional(Type.String({ description: 'volume_in_use: the container that has the volume.' })),
  }),
});
export type Refusal = Static<typeof Refusal>;

/** The refusal codes; the client decides by them, never by the text. */
export type RefusalCode =
  | 'bad_request' // 400: the body is wrong
  | 'bad_volume_name' // 400
  | 'bad_target' // 422: the mount point is missing, a file, a symlink, or not acceptable
  | 'not_permitted' // 403: the orchestrator did not give this container this volume
  | 'not_found' // 404
  | 'volume_in_use' // 409: another container has it; may succeed later
  | 'busy' // 409: the mount is in use and cannot be taken away; may succeed later
  | 'backend_failed' // 503: the store cannot give it now (full, read-only, …)
  | 'internal'; // 500
