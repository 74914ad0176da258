export const garbageKinds = ['mount', 'device', 'volume', 'snapshot', 'file', 'lease'] as const;

/** An object that the castle created and that no lease and no record uses any more. */
export interface Garbage {
  readonly kind: (typeof garbageKinds)[number];
  /** The path or id of the object. */
  readonly name: string;
  /** Why the object is garbage: the end of the event's message, after a colon. */
  readonly reason: string;
  /**
   * Checks the object again, and removes it if it is still unused and not mounted.
   * @returns whether the object was removed; false when it is in use
   */
  remove(): Promise<boolean>;
}
