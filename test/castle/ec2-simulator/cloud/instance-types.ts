/** The limits of instance types on volumes. */
export interface InstanceType {
  readonly name: string;
  readonly hypervisor: 'nitro' | 'xen';
  /** The maximum number of volumes, the root volume included. */
  readonly maximumAttachments: number;
  /** Whether network interfaces count towards the maximum. */
  readonly limitIs: 'shared' | 'dedicated';
}

/**
 * One type of each kind, with the limits from DescribeInstanceTypes: up to the sixth generation, Nitro shares 28 places with
 * network interfaces, of which the simulator has one; later generations have separate places for volumes; Xen allows 40.
 */
export const instanceTypes: readonly InstanceType[] = [
  { name: 'm5.large', hypervisor: 'nitro', maximumAttachments: 27, limitIs: 'shared' },
  { name: 'm7i.large', hypervisor: 'nitro', maximumAttachments: 32, limitIs: 'dedicated' },
  { name: 't3.micro', hypervisor: 'nitro', maximumAttachments: 27, limitIs: 'shared' },
  { name: 't2.micro', hypervisor: 'xen', maximumAttachments: 40, limitIs: 'shared' },
  { name: 'm4.large', hypervisor: 'xen', maximumAttachments: 40, limitIs: 'shared' },
];
