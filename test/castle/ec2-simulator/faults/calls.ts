/** A request that came, as tests can ask about it. */
export interface CallMade {
  readonly action: string;
  /** When, in milliseconds since 1970 by the machine's clock. */
  readonly atMs: number;
  readonly parameters: Readonly<Record<string, string>>;
  /** `ok`, the code of an error, or the kind of the fault that the answer was lost or spoilt by; undefined until then. */
  outcome?: string;
}

/** More than a test makes; older ones are forgotten then. */
const kept = 100_000;

/** Every request to the API, in the order of their coming. */
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
