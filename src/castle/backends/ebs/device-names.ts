/** A device name that takes no volume any more, or did not at the last try. */
export interface AvoidedName {
  readonly name: string;
  /** Ends the sentence "it is avoided, because". */
  readonly reason: string;
  /** When it is forgotten, milliseconds since 1970. */
  readonly untilMs: number;
  /** Whether it is not used at all until then, instead of last. */
  readonly never: boolean;
}

const letters = (from: string, to: string): readonly string[] => {
  const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)];
  return Array.from({ length: last - first + 1 }, (_, n) => String.fromCharCode(first + n));
};

/**
 * All device names, the best ones first: those with two letters are not used by convention; of the others, AWS recommends
 * f to p, and q to z work too. "Device names for volumes on Amazon EC2 instances".
 */
const allNames: readonly string[] = [
  ...['a', 'b'].flatMap((first) => letters('a', 'z').map((second) => `/dev/xvd${first}${second}`)),
  ...letters('f', 'z').map((letter) => `/dev/sd${letter}`),
];

/** Chooses names for devices that are attached, and remembers which are bad. */
export class DeviceNames {
  private readonly bad = new Map<string, AvoidedName>();
  private readonly given = new Set<string>();

  /**
   * Reserves a free name until it is released.
   * @param taken names that EC2 says are in use on this instance
   * @returns undefined when all are in use or avoided
   */
  reserve(taken: ReadonlySet<string>): string | undefined {
    const free = allNames.filter((name) => !isTaken(name, taken) && !this.given.has(name));
    const worst = this.avoided();
    const good = free.find((name) => !worst.has(name));
    const name = good ?? free.find((name) => worst.get(name)?.never === false);
    if (name !== undefined) this.given.add(name);
    return name;
  }

  /** EC2 knows by now that it is taken, or it is free. */
  release(name: string): void {
    this.given.delete(name);
  }

  /** It took a volume. */
  succeeded(name: string): void {
    this.bad.delete(name);
  }

  /** It took none. @param forMs how long that is remembered, in milliseconds */
  avoid(name: string, why: string, forMs: number, never: boolean): void {
    this.bad.set(name, { name, reason: why, untilMs: Date.now() + forMs, never });
  }

  /** Those that are bad now. */
  avoided(): ReadonlyMap<string, AvoidedName> {
    for (const [name, { untilMs }] of this.bad) if (untilMs <= Date.now()) this.bad.delete(name);
    return this.bad;
  }
}

/** `/dev/sdf` and `/dev/xvdf` are the same to the kernel of an instance. */
function isTaken(name: string, taken: ReadonlySet<string>): boolean {
  const bare = (path: string) => path.replace(/^(\/dev\/)?(sd|xvd)/, '');
  return [...taken].some((other) => bare(other) === bare(name));
}
