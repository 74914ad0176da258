import { Ec2Error } from '../wire/errors.ts';
import type { Action } from './action.ts';
import { volumeOf } from './look-up.ts';

export const deleteVolume: Action = {
  names: ['VolumeId', 'DryRun'],
  act(call) {
    const { cloud } = call;
    const volume = volumeOf(call);
    if (volume.attachment !== undefined) {
      throw new Ec2Error(
        'VolumeInUse',
        `Volume ${volume.id} is currently attached to ${volume.attachment.instance}`,
      );
    }
    if (volume.state === 'creating') {
      throw new Ec2Error('IncorrectState', `The volume '${volume.id}' is 'creating'.`);
    }
    cloud.state.putVolume({ ...volume, state: 'deleting' });
    cloud.inBackground(`delete ${volume.id}`, async () => {
      // The deletion is completed even if the program ends during the wait.
      await cloud.wait(cloud.settings.delaysMs.delete);
      cloud.state.removeVolume(volume.id);
      await cloud.disks.removeVolume(volume.id);
    });
    return { return: true };
  },
};
