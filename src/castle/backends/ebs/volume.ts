import type { Snapshot, Tag, Volume } from '@aws-sdk/client-ec2';

/**
 * The tags of everything that the castle creates in EC2. Castles on other hosts read them, so each change of state is one
 * call, which changes all of its tags or none.
 */
export const tags = {
  /** Whose it is: the name of the cluster. */
  castle: 'castle',
  volume: 'castle-volume',
  /** Our UUID, and that of the file system. */
  id: 'castle-id',
  /** `creating` until it is formatted, `ready`, `deleted`, or `purging` when it is about to go for good. */
  state: 'castle-state',
  /** The instance that makes it: nobody else finishes it, or takes it back. */
  creator: 'castle-creator',
  fileSystem: 'castle-fs',
  /** The client token that it was made with: two castles that make the same volume at the same time have the same one. */
  token: 'castle-token',
  /** When it was deleted, ISO 8601, and its id in the trash. */
  deleted: 'castle-deleted',
  trash: 'castle-trash',
  /** Of a snapshot. */
  snapshot: 'castle-snapshot',
  taken: 'castle-taken',
} as const;

/** Where a volume is attached, or was just now. */
export interface Attachment {
  readonly instance: string;
  /** The device name that was asked for. */
  readonly name: string;
  /** `attaching`, `attached`, `detaching`, or `busy`: a detach that waits for the last user. */
  readonly state: string;
  /** ISO 8601, UTC. */
  readonly since?: string;
}

/** A volume of EBS, as far as the castle knows it. */
export interface EbsVolume {
  /** EC2's id, `vol-…`. */
  readonly ec2Id: string;
  readonly zone: string;
  readonly sizeBytes: number;
  /** EC2's state: `creating`, `available`, `in-use`, `deleting`, `deleted` or `error`. */
  readonly status: string;
  readonly attachment?: Attachment;
  readonly made?: string;
  /** What its tags say. */
  readonly tagged: ReadonlyMap<string, string>;
}

/** One of the castle's own, by its tags. */
export interface CastleVolume extends EbsVolume {
  readonly name: string;
  /** Our UUID. */
  readonly id: string;
  readonly state: 'creating' | 'ready' | 'deleted' | 'purging';
  readonly fileSystem: string;
  readonly creator: string;
}

/** Reads EC2's answer about a volume. */
export function toEbsVolume(volume: Volume): EbsVolume {
  // gp volumes have at most one attachment, but EC2 returns a list.
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

/** The same volume as one of the castle's; undefined when its tags are not, or no longer, those of one. */
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

/** Whether it is in the trash. */
export const isDeleted = ({ state }: CastleVolume): boolean => state === 'deleted' || state === 'purging';

/** Whether EC2 still has it: for an hour it tells of what is gone. */
export const exists = ({ status }: EbsVolume): boolean => status !== 'deleting' && status !== 'deleted';

/** Tags as EC2 takes them. */
export const toTags = (wanted: Readonly<Record<string, string>>): Tag[] =>
  Object.entries(wanted).map(([Key, Value]) => ({ Key, Value }));

export function tagsOf(given: Volume['Tags'] | Snapshot['Tags']): ReadonlyMap<string, string> {
  return new Map((given ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}
