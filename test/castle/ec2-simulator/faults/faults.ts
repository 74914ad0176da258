import type { Fault, FaultOf } from './fault.ts';

/** The properties of a request by which faults are selected. */
export interface Subject {
  readonly action: string;
  readonly volumes: readonly string[];
  readonly instances: readonly string[];
}

/** The active faults, oldest first. */
export class Faults {
  #on: { readonly id: string; readonly fault: Fault; left: number; met: number }[] = [];
  #last = 0;

  /** Adds a fault. @returns the id with which to remove it */
  add(fault: Fault): string {
    this.#last += 1;
    const id = `fault-${this.#last}`;
    this.#on.push({ id, fault, left: fault.times ?? Number.POSITIVE_INFINITY, met: 0 });
    return id;
  }

  /** Removes a fault. @returns whether it was active */
  remove(id: string): boolean {
    const before = this.#on.length;
    this.#on = this.#on.filter((one) => one.id !== id);
    return this.#on.length < before;
  }

  clear(): void {
    this.#on = [];
  }

  /** The active faults, with the number of times that each has happened. */
  list(): readonly { readonly id: string; readonly met: number; readonly fault: Fault }[] {
    return this.#on.map(({ id, met, fault }) => ({ id, met, fault }));
  }

  /** Returns the fault of a kind that applies to a request, and counts it as having happened; undefined if none applies. */
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
