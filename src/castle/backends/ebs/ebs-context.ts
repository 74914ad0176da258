import type { Native } from '../../../linux/native-addon.ts';
import type { Ec2 } from '../../aws/ec2-client.ts';
import type { EmitEvent } from '../../events/event.ts';
import type { ReplayJournal } from '../../mounting/replay-journal.ts';
import type { Attachments } from './attachments.ts';
import type { VolumeCreator } from './create-volume.ts';
import type { DeviceNames } from './device-names.ts';
import type { HostDevices } from './host-devices.ts';
import type { VolumeInventory } from './inventory.ts';
import type { pollingPaces } from './wait-for-state.ts';

/** What the modules of the backend `ebs` share. */
export interface EbsContext {
  readonly ec2: Ec2;
  readonly inventory: VolumeInventory;
  readonly attachments: Attachments;
  readonly creation: VolumeCreator;
  readonly host: HostDevices;
  readonly names: DeviceNames;
  readonly native: Native;
  readonly replay: ReplayJournal;
  readonly emit: EmitEvent;
  readonly cluster: string;
  readonly zone: string;
  readonly instance: string;
  readonly pace: ReturnType<typeof pollingPaces>;
}
