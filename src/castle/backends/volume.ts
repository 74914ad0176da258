import type { Owner } from '../mounting/owner.ts';

/** A volume that exists. */
export interface KnownVolume {
  readonly name: string;
  /** A unique UUID; undefined where the backend identifies volumes only by name. */
  readonly id?: string;
}

/** A volume to be created. */
export interface NewVolume {
  readonly name: string;
  readonly id: string;
  readonly owner: Owner;
  /** The size in bytes; undefined: the default of the backend. Ignored where volumes share the space of one file system. */
  readonly sizeBytes?: number;
}
