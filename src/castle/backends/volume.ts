import type { Owner } from '../mounting/owner.ts';

/** A volume that is there. */
export interface KnownVolume {
  readonly name: string;
  /** A UUID that no other volume has; undefined where volumes have none but their name. */
  readonly id?: string;
}

/** What a volume is to be that is not there yet. */
export interface NewVolume {
  readonly name: string;
  readonly id: string;
  readonly owner: Owner;
  /** How large it is to be; undefined: as the backend was told. Without a meaning where volumes share their space. */
  readonly sizeBytes?: number;
}
