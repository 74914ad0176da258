import type { Snapshot, Tag, Volume } from '@aws-sdk/client-ec2';

/**
 * The tags of every resource that the castle creates in EC2. Castles on other hosts read them, so each change of state is
 * one call, which changes all of its tags or none.
 */
export const tags = {
  /** The name of the cluster that the resource belongs to. */
  castle: 'castle',
  volume: 'castle-volume',
  /** The castle's UUID for the volume, which is also the UUID of its file system. */
  id: 'castle-id',
  /**
   * `creating` until the volume is formatted, then `ready`; `deleted` in the trash; `purging` before it is removed
   * permanently.
   */
  state: 'castle-state',
  /** The instance that creates the volume: no other instance completes or deletes it while it is being created. */
  creator: 'castle-creator',
  fileSystem: 'castle-fs',
  /** The client token of its creation: two castles that create the same volume at the same time use the same token. */
  token: 'castle-token',
  /** When the volume was deleted, ISO 8601, and the id of its trash entry. */
  deleted: 'castle-deleted',
  trash: 'castle-trash',
  /** Tags of a snapshot. */
  snapshot: 'castle-snapshot',
  taken: 'castle-taken',
} as const;

/** The instance that a volume is attached to, or is being detached from. */
export interface Attachment {
  readonly instance: string;
  /** The device name that was requested. */
  readonly name: string;
  /** `attaching`, `attached`, `detaching`, or `busy`: a detach is waiting until nothing uses the device. */
  readonly state: string;
  /** When it was attached, ISO 8601, UTC. */
  readonly since?: string;
}

/** An EBS volume: the fields that the castle uses. */
export interface EbsVolume {
  /** EC2's id, `vol-…`. */
  readonly ec2Id: string;
  readonly zone: string;
  readonly sizeBytes: number;
  /** EC2's state: `creating`, `available`, `in-use`, `deleting`, `deleted` or `error`. */
  readonly status: string;
  readonly attachment?: Attachment;
  readonly made?: string;
  /** Its tags, by name. */
  readonly tagged: ReadonlyMap<string, string>;
}

/** An EBS volume that a castle of the cluster created, with the values of its tags. */
export interface CastleVolume extends EbsVolume {
  readonly name: string;
  /** The castle's UUID for the volume. */
  readonly id: string;
  readonly state: 'creating' | 'ready' | 'deleted' | 'purging';
  readonly fileSystem: string;
  readonly creator: string;
}

/** Converts EC2's description of a volume. */
export function toEbsVolume(volume: Volume): EbsVolume {
  // A gp volume has at most one attachment, but EC2 returns a list.
  const [attachment] = (volume.Attachments ?? []).filter(({ State }) => State !== 'detached');
  return {
    ec2Id: volume.VolumeId ?? '',
    zone: volume.AvailabilityZone ?? '',
    sizeBytes: (volume.Size ?? 0) * 2 ** 30,
    status: volume.State ?? '',
    tagged: tagsOf(volume.Tags),
    ...(volume.CreateTime === undefined ? {} : { made: volume.CreateTime.toISOString() }),
    ...(attachment === undefined
      ? {}
      : {
          attachment: {
            instance: attachment.InstanceId ?? '',
            name: attachment.Device ?? '',
            state: attachment.State ?? '',
            ...(attachment.AttachTime === undefined ? {} : { since: attachment.AttachTime.toISOString() }),
          },
        }),
  };
}

/**
 * Returns the volume with the values of its tags; undefined when its tags are not, or no longer, those of a volume of the
 * cluster.
 */
export function toCastleVolume(volume: EbsVolume, cluster: string): CastleVolume | undefined {
  const { tagged } = volume;
  const [name, id] = [tagged.get(tags.volume), tagged.get(tags.id)];
  const [state, fileSystem] = [tagged.get(tags.state), tagged.get(tags.fileSystem)];
  const isWhole = name !== undefined && id !== undefined && fileSystem !== undefined;
  if (tagged.get(tags.castle) !== cluster || !isWhole) return undefined;
  if (state !== 'creating' && state !== 'ready' && state !== 'deleted' && state !== 'purging') {
    return undefined;
  }
  return { ...volume, name, id, state, fileSystem, creator: tagged.get(tags.creator) ?? '' };
}

/** Whether the volume is in the trash. */
export const isDeleted = ({ state }: CastleVolume): boolean => state === 'deleted' || state === 'purging';

/** Whether the volume still exists: EC2 lists a deleted volume for up to an hour. */
export const exists = ({ status }: EbsVolume): boolean => status !== 'deleting' && status !== 'deleted';

/** Converts tags to the form that EC2 accepts. */
export const toTags = (wanted: Readonly<Record<string, string>>): Tag[] =>
  Object.entries(wanted).map(([Key, Value]) => ({ Key, Value }));

export function tagsOf(given: Volume['Tags'] | Snapshot['Tags']): ReadonlyMap<string, string> {
  return new Map((given ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}
