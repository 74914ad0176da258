/** Growing an ext4 requires CAP_SYS_RESOURCE, which root has in the virtual machine that scripts/test-nfs.sh boots. */
import t from 'tap';
import { program, requires, root } from '../../../kit/needs.ts';
import { testGrowth } from '../grow-volume.ts';
import { ext4Grows, loopDevices } from '../loop/loop-host.ts';

const resourceCapability = () => (ext4Grows() ? undefined : 'needs CAP_SYS_RESOURCE');

if (requires(t, root, loopDevices, resourceCapability, program('mkfs.ext4'))) {
  testGrowth(t, 'ext4', [16, 64, 96]);
}
