export type Tags = Readonly<Record<string, string>>;

/** A volume in an instance, or on its way there or back. */
export interface Attachment {
  /** No other attachment has it: what was begun for an earlier one has no say in this one. */
  readonly key: string;
  readonly instance: string;
  /** The name that was asked for: `/dev/xvdba`. */
  readonly device: string;
  readonly state: 'attaching' | 'attached' | 'detaching' | 'busy';
  readonly at: string;
  /** What the instance sees: `nvme1n1`. */
  readonly block?: string;
  /** The volume whose disk the instance sees in place of the right one. */
  readonly ghost?: string;
}

/** A change of a volume's size or type. */
export interface Modification {
  readonly state: 'modifying' | 'optimizing' | 'completed' | 'failed';
  readonly begun: string;
  readonly ended?: string;
  readonly from: { readonly sizeGiB: number; readonly type: string; readonly iops?: number };
  readonly to: { readonly sizeGiB: number; readonly type: string; readonly iops?: number };
}

export interface Volume {
  readonly id: string;
  readonly state: 'creating' | 'available' | 'in-use' | 'deleting' | 'error';
  readonly sizeGiB: number;
  readonly zone: string;
  readonly type: string;
  readonly iops?: number;
  readonly throughput?: number;
  readonly encrypted: boolean;
  /** The snapshot that it was made of. */
  readonly snapshot?: string;
  readonly created: string;
  readonly tags: Tags;
  readonly attachment?: Attachment;
  readonly modification?: Modification;
}

export interface Snapshot {
  readonly id: string;
  readonly state: 'pending' | 'completed' | 'error';
  readonly progressPercent: number;
  readonly volume: string;
  readonly sizeGiB: number;
  readonly encrypted: boolean;
  readonly description: string;
  readonly begun: string;
  readonly tags: Tags;
}

/** What a ClientToken stands for, as long as the service remembers it. */
export interface Spent {
  /** All parameters of the request, in one order. */
  readonly parameters: string;
  readonly volume: Volume;
}

/** All that the cloud knows. It is never changed, only replaced. */
export interface Facts {
  readonly volumes: Readonly<Record<string, Volume>>;
  readonly snapshots: Readonly<Record<string, Snapshot>>;
  readonly tokens: Readonly<Record<string, Spent>>;
  /** Tags of instances. */
  readonly instances: Readonly<Record<string, Tags>>;
}

export const gibibyte = 2 ** 30;
