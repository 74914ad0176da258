export type Tags = Readonly<Record<string, string>>;

/** The attachment of a volume to an instance. */
export interface Attachment {
  /** A unique key: work begun for an earlier attachment of the volume does not affect this one. */
  readonly key: string;
  readonly instance: string;
  /** The requested device name: `/dev/xvdba`. */
  readonly device: string;
  readonly state: 'attaching' | 'attached' | 'detaching' | 'busy';
  readonly at: string;
  /** The name of the block device in the instance: `nvme1n1`. */
  readonly block?: string;
  /** The other volume whose disk the instance sees, by the fault `wrong-device`. */
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
  /** The snapshot from which the volume was created. */
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

/** The use of a ClientToken. */
export interface Spent {
  /** All parameters of the request, sorted. */
  readonly parameters: string;
  readonly volume: Volume;
}

/** The complete state of a cloud. It is immutable: each change creates a new one. */
export interface Facts {
  readonly volumes: Readonly<Record<string, Volume>>;
  readonly snapshots: Readonly<Record<string, Snapshot>>;
  readonly tokens: Readonly<Record<string, Spent>>;
  /** Tags of instances. */
  readonly instances: Readonly<Record<string, Tags>>;
}

export const gibibyte = 2 ** 30;
