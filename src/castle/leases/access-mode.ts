/** What a lease is to the others on its volume. */
export interface AccessMode {
  /** It only reads. */
  readonly readonly?: boolean;
  /** It may write beside others that are shared, too. */
  readonly shared?: boolean;
}

/**
 * Whether two leases can't be on one volume at the same time. One may write, and any number may read beside it. Several
 * may write where the volume is shared and each of their containers was told so: who was not expects to write alone.
 */
export function conflicts(one: AccessMode, other: AccessMode): boolean {
  if (one.readonly === true || other.readonly === true) return false;
  return !(one.shared === true && other.shared === true);
}
