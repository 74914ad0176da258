/** A request to the API, recorded for tests. */
export interface CallMade {
  readonly action: string;
  /** The time of the request, in milliseconds since 1970 by the machine's clock. */
  readonly atMs: number;
  readonly parameters: Readonly<Record<string, string>>;
  /**
   * `ok`, an error code, or the kind of the fault that lost or damaged the response; undefined while the request is
   * running.
   */
  outcome?: string;
}

/** The maximum number of recorded requests; older ones are dropped. */
const kept = 100_000;

/** Every request to the API, in the order of arrival. */
export class Calls {
  #made: CallMade[] = [];

  note(action: string, parameters: readonly (readonly [string, string])[]): CallMade {
    const call: CallMade = { action, atMs: Date.now(), parameters: Object.fromEntries(parameters) };
    this.#made.push(call);
    if (this.#made.length > kept) this.#made = this.#made.slice(-kept / 2);
    return call;
  }

  list(): readonly CallMade[] {
    return this.#made;
  }

  clear(): void {
    this.#made = [];
  }
}
