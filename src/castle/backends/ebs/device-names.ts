/** A device name with which an attachment failed. */
export interface AvoidedName {
  readonly name: string;
  /** Completes the sentence "the name is avoided, because …". */
  readonly reason: string;
  /** When the name is used normally again, in milliseconds since 1970. */
  readonly untilMs: number;
  /** true: the name is not used before `untilMs`. false: it is used when no other name is free. */
  readonly never: boolean;
}

const letters = (from: string, to: string): readonly string[] => {
  const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)];
  return Array.from({ length: last - first + 1 }, (_, n) => String.fromCharCode(first + n));
};

/**
 * All device names, preferred ones first. By convention nothing else uses names with two letters. Of the names with one
 * letter, AWS recommends f to p; q to z work too. Source: "Device names for volumes on Amazon EC2 instances".
 */
const allNames: readonly string[] = [
  ...['a', 'b'].flatMap((first) => letters('a', 'z').map((second) => `/dev/xvd${first}${second}`)),
  ...letters('f', 'z').map((letter) => `/dev/sd${letter}`),
];

/** Chooses device names for attachments, and remembers names with which an attachment failed. */
export class DeviceNames {
  private readonly bad = new Map<string, AvoidedName>();
  private readonly reserved = new Set<string>();

  /**
   * Reserves a free name until it is released.
   * @param taken names that are in use on this instance, according to EC2
   * @returns undefined when every name is in use or excluded
   */
  reserve(taken: ReadonlySet<string>): string | undefined {
    const free = allNames.filter((name) => !isTaken(name, taken) && !this.reserved.has(name));
    const avoided = this.avoided();
    const good = free.find((name) => !avoided.has(name));
    const name = good ?? free.find((name) => avoided.get(name)?.never === false);
    if (name !== undefined) this.reserved.add(name);
    return name;
  }

  /** Ends a reservation: by now EC2 reports the name as in use, or the attachment failed. */
  release(name: string): void {
    this.reserved.delete(name);
  }

  /** Records that an attachment with this name succeeded, so the name is no longer avoided. */
  succeeded(name: string): void {
    this.bad.delete(name);
  }

  /** Records that an attachment with this name failed. @param forMs how long the name is avoided, in milliseconds */
  avoid(name: string, why: string, forMs: number, never: boolean): void {
    this.bad.set(name, { name, reason: why, untilMs: Date.now() + forMs, never });
  }

  /** Returns the names that are avoided now, by name. */
  avoided(): ReadonlyMap<string, AvoidedName> {
    for (const [name, { untilMs }] of this.bad) if (untilMs <= Date.now()) this.bad.delete(name);
    return this.bad;
  }
}

/** Whether a name is in use. The kernel of an instance treats `/dev/sdf` and `/dev/xvdf` as the same name. */
function isTaken(name: string, taken: ReadonlySet<string>): boolean {
  const bare = (path: string) => path.replace(/^(\/dev\/)?(sd|xvd)/, '');
  return [...taken].some((other) => bare(other) === bare(name));
}
