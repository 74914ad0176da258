export const garbageKinds = ['mount', 'device', 'volume', 'snapshot', 'file', 'lease'] as const;

/** Something that the castle made and that belongs to nobody any more. */
export interface Garbage {
  readonly kind: (typeof garbageKinds)[number];
  /** What people find it by: a path, an id. */
  readonly name: string;
  /** Ends the sentence "it belongs to nobody, because". */
  readonly reason: string;
  /**
   * Looks once more, and removes it when it is still nobody's and mounted nowhere.
   * @returns false when it was left alone after all
   */
  remove(): Promise<boolean>;
}
