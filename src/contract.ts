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
  },
  { additionalProperties: false },
);
export type LeaseRequest = Static<typeof LeaseRequest>;

/** What a lease can be in; the transitions are the table in src/castle/leases/states.ts. */
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
  lease: Type.Optional(Type.String({ description: 'Id of the lease that holds it now.' })),
});
export type Volume = Static<typeof Volume>;

/** POST /v1/volumes: a volume before anybody asks for it. */
export const VolumeRequest = Type.Object(
  {
    name: VolumeName,
    uid: Type.Integer({ minimum: 0, maximum: 4294967294, description: 'Who it belongs to on disk.' }),
    gid: Type.Integer({ minimum: 0, maximum: 4294967294 }),
    sizeBytes: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Where volumes have a size; as the castle was told without.' }),
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

/** POST /v1/volumes/NAME/size: "let it be so large". */
export const GrowRequest = Type.Object(
  { sizeBytes: Type.Integer({ minimum: 1, description: 'At least as large as it is.' }) },
  { additionalProperties: false },
);
export type GrowRequest = Static<typeof GrowRequest>;

/** POST /v1/gc */
export const GcRequest = Type.Object(
  { dryRun: Type.Boolean({ description: 'Only look, and change nothing.' }) },
  { additionalProperties: false },
);
export type GcRequest = Static<typeof GcRequest>;

/** Something that the castle made and that belongs to nobody, with what became of it. */
export const CleanedUp = Type.Object({
  kind: Type.String({ description: 'mount, device, volume, snapshot, file or lease' }),
  name: Type.String(),
  why: Type.String({ description: 'Ends the sentence "it belongs to nobody, because".' }),
  outcome: Type.Unsafe<'found' | 'removed' | 'left' | 'failed'>(
    Type.Union((['found', 'removed', 'left', 'failed'] as const).map((outcome) => Type.Literal(outcome))),
  ),
  remedy: Type.Optional(Type.String({ description: 'What a person can do about it.' })),
});
export type CleanedUp = Static<typeof CleanedUp>;

/** GET /v1/status */
export const Status = Type.Object({
  version: Type.String(),
  pid: Type.Integer(),
  started: Type.String({ description: 'ISO 8601, UTC.' }),
  runtime: Type.String(),
  engine: Type.Optional(
    Type.Unsafe<'connected' | 'lost'>(Type.Union([Type.Literal('connected'), Type.Literal('lost')])),
  ),
  backend: Type.String(),
  volumes: Type.Integer(),
  leases: Type.Integer({ description: 'Leases that are not ended.' }),
});
export type Status = Static<typeof Status>;

/** Every refusal. `code` is for programs, the sentences are for people. */
export const Refusal = Type.Object({
  error: Type.Object({
    code: Type.String(),
    sentence: Type.String({ description: 'What happened, to what, why.' }),
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
