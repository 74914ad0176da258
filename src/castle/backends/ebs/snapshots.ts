import { setTimeout as sleep } from 'node:timers/promises';
import type { Snapshot } from '@aws-sdk/client-ec2';
import { ec2Code, isEc2Error, isThrottling } from '../../aws/ec2-client.ts';
import { renewUuid } from '../../file-systems/renew-uuid.ts';
import { fileSystemNamed } from '../../file-systems/types.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { KnownSnapshot, Snapshots } from '../snapshots.ts';
import type { EbsContext } from './ebs-context.ts';
import { requireReadyVolume } from './find-volume.ts';
import * as refusals from './refusals.ts';
import { gibibyte } from './settings.ts';
import { tags, tagsOf, toTags } from './volume.ts';
import { waitFor } from './wait-for-state.ts';

/**
 * The maximum number of attempts to request a snapshot, and the first pause between them, in milliseconds; the pause
 * doubles.
 */
const tries = 6;
const firstPauseMs = 500;

/** The number of snapshots in one page of a response. */
const pageSize = 500;

/**
 * EBS snapshots: each contains the content of its volume at the moment when EC2 responds, and is stored off this host. EC2
 * has no client token for snapshots, so a repeated request first searches for an existing snapshot by its tag.
 */
export function ebsSnapshots(context: EbsContext): Snapshots {
  const { ec2, inventory, creation, replay, cluster, pace } = context;

  async function list(tag?: readonly [string, string]): Promise<readonly Snapshot[]> {
    const found: Snapshot[] = [];
    let NextToken: string | undefined;
    do {
      const answer = await ec2.describeSnapshots({
        OwnerIds: ['self'],
        Filters: [
          { Name: `tag:${tags.castle}`, Values: [cluster] },
          ...(tag === undefined ? [] : [{ Name: `tag:${tag[0]}`, Values: [tag[1]] }]),
        ],
        MaxResults: pageSize,
        ...(NextToken === undefined ? {} : { NextToken }),
      });
      found.push(...(answer.Snapshots ?? []));
      NextToken = answer.NextToken;
    } while (NextToken !== undefined && NextToken !== '');
    return found;
  }

  const withId = async (id: string): Promise<Snapshot | undefined> => (await list([tags.snapshot, id]))[0];

  async function begun(volume: string, id: string, name: string, taken: string): Promise<string> {
    const before = await withId(id);
    if (before?.SnapshotId !== undefined && before.State !== 'error') return before.SnapshotId;
    const source = await inventory.getCastleVolume(volume);
    if (source === undefined) throw refusals.volumeGone(name);
    const request = {
      VolumeId: volume,
      Description: `castle: ${name}`,
      TagSpecifications: [
        {
          ResourceType: 'snapshot' as const,
          Tags: toTags({
            Name: `${cluster}/${name}`,
            [tags.castle]: cluster,
            [tags.volume]: name,
            [tags.id]: source.id,
            [tags.fileSystem]: source.fileSystem,
            [tags.snapshot]: id,
            [tags.taken]: taken,
          }),
        },
      ],
    };
    for (let attempt = 1; ; attempt++) {
      try {
        const { SnapshotId } = await ec2.createSnapshot(request);
        if (SnapshotId !== undefined) return SnapshotId;
      } catch (thrown) {
        // The response may have been lost. A second snapshot would cost money and have no record.
        const after = await waitFor(pace.lookup, () => withId(id));
        if (after?.SnapshotId !== undefined) return after.SnapshotId;
        if (attempt === tries || !(isThrottling(ec2Code(thrown)) || isLost(thrown))) throw thrown;
        await sleep(Math.random() * firstPauseMs * 2 ** attempt);
      }
    }
  }

  async function whole(snapshot: string, name: string): Promise<Record<string, never>> {
    const state = await waitFor(pace.snapshot, async () => {
      const found = (await list()).find(({ SnapshotId }) => SnapshotId === snapshot);
      return found?.State === 'completed' || found?.State === 'error' ? found : undefined;
    });
    if (state?.State === 'completed') return {};
    const why =
      state?.StateMessage ?? (state === undefined ? 'it is not complete after a day' : 'EBS failed');
    throw new RefusalError(
      'backend_failed',
      `snapshot ${snapshot} of volume ${name} failed: ${why}`,
      'try again',
    );
  }

  return {
    // EC2 takes the snapshot at the moment when it responds: there is nothing to prepare.
    freeze: { prepare: async () => undefined },
    content: null,

    async begin(known, id, taken) {
      try {
        const volume = await requireReadyVolume(context, known);
        const snapshot = await begun(volume.ec2Id, id, known.name, taken);
        return { completed: whole(snapshot, known.name) };
      } catch (thrown) {
        throw refusals.ec2Refused(`cannot take a snapshot of volume ${known.name}`, thrown);
      }
    },

    async resume(id) {
      const snapshot = await withId(id);
      if (snapshot?.SnapshotId === undefined || snapshot.State === 'error') return undefined;
      return { completed: whole(snapshot.SnapshotId, tagsOf(snapshot.Tags).get(tags.volume) ?? 'unknown') };
    },

    async list() {
      return (await list())
        .filter(({ State }) => State === 'completed')
        .flatMap((snapshot): readonly KnownSnapshot[] => {
          const tagged = tagsOf(snapshot.Tags);
          const [id, volume] = [tagged.get(tags.snapshot), tagged.get(tags.volume)];
          const taken = tagged.get(tags.taken) ?? snapshot.StartTime?.toISOString();
          const volumeId = tagged.get(tags.id);
          return id === undefined || volume === undefined || taken === undefined
            ? []
            : [{ id, volume, taken, ...(volumeId === undefined ? {} : { volumeId }) }];
        });
    },

    async createVolume({ id }, volume) {
      const { name } = volume;
      try {
        const snapshot = await withId(id);
        const tagged = tagsOf(snapshot?.Tags);
        const [uuid, type] = [tagged.get(tags.id), tagged.get(tags.fileSystem)];
        if (snapshot?.SnapshotId === undefined || uuid === undefined || type === undefined) {
          throw new RefusalError('not_found', `there is no snapshot ${id} in EBS`, 'see castle snapshots');
        }
        const leastBytes = (snapshot.VolumeSize ?? 0) * gibibyte;
        const sizeBytes = Math.ceil((volume.sizeBytes ?? leastBytes) / gibibyte) * gibibyte;
        if (sizeBytes < leastBytes) {
          throw new RefusalError(
            'bad_request',
            `volume ${name} cannot be created with ${sizeBytes / gibibyte}G: its snapshot has ${leastBytes / gibibyte}G`,
            'give a larger size',
          );
        }
        const fileSystem = fileSystemNamed(type);
        await creation.create({
          volume,
          sizeBytes,
          fileSystem: type,
          snapshot: snapshot.SnapshotId,
          fill: ({ path }, fd) =>
            renewUuid({ path, fd, isDevice: true }, fileSystem, { before: uuid, id: volume.id, replay }),
        });
      } catch (thrown) {
        throw refusals.ec2Refused(`volume ${name} cannot be created from snapshot ${id}`, thrown);
      }
    },

    async remove(id) {
      for (const { SnapshotId } of await list([tags.snapshot, id])) {
        if (SnapshotId === undefined) continue;
        try {
          await ec2.deleteSnapshot({ SnapshotId });
        } catch (thrown) {
          if (isEc2Error(thrown, 'InvalidSnapshot.NotFound')) continue;
          if (isEc2Error(thrown, 'InvalidSnapshot.InUse')) {
            throw new RefusalError(
              'busy',
              `snapshot ${id} (${SnapshotId}) is in use by an image (${ec2Code(thrown)})`,
              'deregister that image first',
            );
          }
          throw refusals.ec2Refused(`snapshot ${id} (${SnapshotId}) cannot be removed`, thrown);
        }
      }
    },
  };
}

/** Whether the network failed: EC2 did not respond, and may or may not have executed the call. */
const isLost = (thrown: unknown): boolean =>
  ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'TimeoutError'].includes(ec2Code(thrown));
