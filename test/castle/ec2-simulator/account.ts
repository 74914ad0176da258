import {
  AttachVolumeCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  type CreateVolumeCommandInput,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  type EC2Client,
  type Volume,
} from '@aws-sdk/client-ec2';
import { until } from '../../kit/until.ts';
import type { Simulator } from './simulator.ts';

/** Operations and waits of tests on the API. */
export class Account {
  readonly client: EC2Client;
  readonly #simulator: Simulator;

  /** @param maxAttempts how many times the client sends a request in all. Default: 1, no retry */
  constructor(simulator: Simulator, maxAttempts = 1) {
    this.#simulator = simulator;
    this.client = simulator.client(maxAttempts);
  }

  /** Creates a volume, by default of 1 GiB in the zone of the first instance. @returns its id */
  async create(wanted: Partial<CreateVolumeCommandInput> = {}): Promise<string> {
    const { zone } = this.#simulator.instance();
    const created = await this.client.send(
      new CreateVolumeCommand({ Size: 1, AvailabilityZone: zone, ...wanted }),
    );
    return created.VolumeId as string;
  }

  /** Creates a volume and waits until it is available. */
  async available(wanted: Partial<CreateVolumeCommandInput> = {}): Promise<string> {
    const id = await this.create(wanted);
    await this.untilState(id, 'available');
    return id;
  }

  async describe(volume: string): Promise<Volume> {
    const { Volumes = [] } = await this.client.send(new DescribeVolumesCommand({ VolumeIds: [volume] }));
    return Volumes[0] as Volume;
  }

  untilState(volume: string, state: string): Promise<Volume> {
    return until(`${volume} is ${state}`, async () => {
      const found = await this.describe(volume);
      return found.State === state ? found : undefined;
    });
  }

  untilAttachment(volume: string, state: string): Promise<Volume> {
    return until(`the attachment of ${volume} is ${state}`, async () => {
      const found = await this.describe(volume);
      return found.Attachments?.[0]?.State === state ? found : undefined;
    });
  }

  attach(volume: string, device: string, instance: string) {
    const asked = { VolumeId: volume, Device: device, InstanceId: instance };
    return this.client.send(new AttachVolumeCommand(asked));
  }

  /** Attaches a volume. @returns the name of its block device in the instance, once it exists */
  async attached(volume: string, device: string, instance: string): Promise<string> {
    await this.attach(volume, device, instance);
    await this.untilAttachment(volume, 'attached');
    const { attachment } = (await this.#simulator.facts()).volumes[volume] ?? {};
    return attachment?.block as string;
  }

  detach(volume: string, force = false) {
    return this.client.send(new DetachVolumeCommand({ VolumeId: volume, Force: force }));
  }

  async detached(volume: string): Promise<void> {
    await this.detach(volume);
    await this.untilState(volume, 'available');
  }

  /** Creates a snapshot and waits until it is completed. @returns its id */
  async snapshot(volume: string): Promise<string> {
    const { SnapshotId: id } = await this.client.send(new CreateSnapshotCommand({ VolumeId: volume }));
    await until(`${id} is completed`, async () => {
      const { Snapshots = [] } = await this.client.send(
        new DescribeSnapshotsCommand({ SnapshotIds: [id as string] }),
      );
      return Snapshots[0]?.State === 'completed' || undefined;
    });
    return id as string;
  }
}
