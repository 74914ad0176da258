import type { Fault, FaultOf } from './fault.ts';

/** What a request is about, for the faults that are meant for it. */
export interface Subject {
  readonly action: string;
  readonly volumes: readonly string[];
  readonly instances: readonly string[];
}

/** The faults that are on, oldest first. */
export class Faults {
  #on: { readonly id: string; readonly fault: Fault; left: number; met: number }[] = [];
  #last = 0;

  /** @returns a name to take it away with */
  add(fault: Fault): string {
    this.#last += 1;
    const id = `fault-${this.#last}`;
    this.#on.push({ id, fault, left: fault.times ?? Number.POSITIVE_INFINITY, met: 0 });
    return id;
  }

  /** @returns whether it was on */
  remove(id: string): boolean {
    const before = this.#on.length;
    this.#on = this.#on.filter((one) => one.id !== id);
    return this.#on.length < before;
  }

  clear(): void {
    this.#on = [];
  }

  /** Each fault with how often it has happened. */
  list(): readonly { readonly id: string; readonly met: number; readonly fault: Fault }[] {
    return this.#on.map(({ id, met, fault }) => ({ id, met, fault }));
  }

  /** Whether a fault of a kind is to happen now; it counts as having happened. */
  take<K extends Fault['kind']>(kind: K, subject: Subject): FaultOf<K> | undefined {
    const found = this.#on.find(
      ({ fault, left }) =>
        fault.kind === kind &&
        left > 0 &&
        (fault.action === undefined || fault.action === subject.action) &&
        (fault.volume === undefined || subject.volumes.includes(fault.volume)) &&
        (fault.instance === undefined || subject.instances.includes(fault.instance)) &&
        Math.random() < (fault.probability ?? 1),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    found.met += 1;
    return found.fault as FaultOf<K>;
  }
}
