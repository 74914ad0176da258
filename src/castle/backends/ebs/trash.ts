import { setTimeout as sleep } from 'node:timers/promises';
import { isEc2Error } from '../../aws/ec2-client.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Trash } from '../trash.ts';
import type { EbsContext } from './ebs-context.ts';
import * as refusals from './refusals.ts';
import { type CastleVolume, isDeleted, tags, toTags } from './volume.ts';

/**
 * The trash of the backend `ebs`: a deleted volume stays in EBS, and its tags mark it as deleted. Each change of state is
 * one call, which changes all of its tags or none.
 */
export function ebsTrash(context: EbsContext): Trash {
  const { ec2, inventory, creation, zone, instance, cluster, pace } = context;

  async function mark(volume: CastleVolume, changes: Readonly<Record<string, string>>): Promise<void> {
    await ec2.createTags({ Resources: [volume.ec2Id], Tags: toTags(changes) });
    inventory.recordTags(volume, changes);
  }

  /** Finds a deleted volume in the zone of this instance. */
  async function inTrash(id: string): Promise<CastleVolume | undefined> {
    const found = await inventory.listByTag(tags.trash, id);
    return found.find((volume) => isDeleted(volume) && volume.zone === zone);
  }

  return {
    async put(name, id) {
      try {
        const there = (await inventory.listByName(name)).filter((volume) => !isDeleted(volume));
        const [volume] = there;
        if (volume === undefined) throw refusals.volumeGone(name);
        if (there.length > 1) {
          throw refusals.severalVolumes(
            name,
            there.map(({ ec2Id }) => ec2Id),
          );
        }
        if (volume.attachment !== undefined && volume.attachment.instance !== instance) {
          throw refusals.attachedElsewhere(volume, volume.attachment);
        }
        await mark(volume, {
          Name: `${cluster}/${name} (deleted)`,
          [tags.state]: 'deleted',
          [tags.trash]: id,
          [tags.deleted]: new Date().toISOString(),
        });
      } catch (thrown) {
        throw refusals.ec2Refused(`volume ${name} cannot be deleted`, thrown);
      }
    },

    async restore(name, id) {
      try {
        const [other] = (await inventory.listByName(name)).filter(
          (volume) => !isDeleted(volume) && volume.status !== 'error',
        );
        if (other !== undefined) {
          throw new RefusalError(
            'busy',
            `volume ${name} exists again (${other.ec2Id})`,
            'delete that one first, or keep the deleted one in the trash',
          );
        }
        const volume = await inTrash(id);
        if (volume === undefined) throw refusals.volumeGone(name);
        if (volume.state === 'purging') throw refusals.wrongState(volume);
        await mark(volume, {
          Name: `${cluster}/${name}`,
          [tags.state]: 'ready',
          [tags.trash]: '',
          [tags.deleted]: '',
        });
      } catch (thrown) {
        throw refusals.ec2Refused(`volume ${name} cannot be restored`, thrown);
      }
    },

    has: async (_, id) => (await inTrash(id)) !== undefined,
    // purge refuses a volume that is attached to another instance, and detaches it here only when it is not in use.
    source: async () => undefined,

    async purge(name, id) {
      try {
        const marked = await inTrash(id);
        if (marked === undefined) return;
        if (marked.state === 'deleted') await mark(marked, { [tags.state]: 'purging' });
        // A castle on another host may restore the volume without having seen the mark `purging`. After this pause, its
        // restore has overwritten the mark.
        await sleep(pace.visible.withinMs * 1.5);
        const volume = await inTrash(id);
        if (volume === undefined) return;
        if (volume.state !== 'purging') throw refusals.wrongState(volume);
        if (volume.attachment !== undefined && volume.attachment.instance !== instance) {
          throw refusals.attachedElsewhere(volume, volume.attachment);
        }
        if (!(await creation.deleteUnused(volume))) throw refusals.stillDetaching(name, volume.ec2Id);
      } catch (thrown) {
        if (isEc2Error(thrown, 'InvalidVolume.NotFound')) return;
        throw refusals.ec2Refused(`the deleted volume ${name} cannot be removed`, thrown);
      }
    },

    async list() {
      const deleted = (await inventory.list()).filter((volume) => isDeleted(volume) && volume.zone === zone);
      return deleted.flatMap(({ name, tagged }) => {
        const id = tagged.get(tags.trash);
        return id === undefined || id === '' ? [] : [{ volume: name, id }];
      });
    },
  };
}
