/** What an instance type means for its volumes. */
export interface InstanceType {
  readonly name: string;
  readonly hypervisor: 'nitro' | 'xen';
  /** Volumes that it takes, the root volume among them. */
  readonly maximumAttachments: number;
  /** Whether network interfaces count as well. */
  readonly limitIs: 'shared' | 'dedicated';
}

/**
 * One of each kind, with the figures of the EC2 User Guide ("Amazon EBS volume limits for EC2 instances"): Nitro shares 28
 * with network interfaces up to the sixth generation and gives 32 or more of its own from the seventh on; Xen is good for
 * 40 at most, the root volume among them.
 */
export const instanceTypes: readonly InstanceType[] = [
  { name: 'm5.large', hypervisor: 'nitro', maximumAttachments: 28, limitIs: 'shared' },
  { name: 'm7i.large', hypervisor: 'nitro', maximumAttachments: 32, limitIs: 'dedicated' },
  { name: 't3.micro', hypervisor: 'nitro', maximumAttachments: 28, limitIs: 'shared' },
  { name: 't2.micro', hypervisor: 'xen', maximumAttachments: 40, limitIs: 'dedicated' },
  { name: 'm4.large', hypervisor: 'xen', maximumAttachments: 40, limitIs: 'dedicated' },
];
