import { setTimeout as pause } from 'node:timers/promises';
import { Faults } from '../faults/faults.ts';
import { Disks } from '../machine/disks.ts';
import type { HostTree } from '../machine/host.ts';
import { CloudState } from './cloud-state.ts';
import type { InstanceType } from './instance-types.ts';
import type { Facts } from './records.ts';
import { defaults, type Settings } from './settings.ts';

export interface Instance {
  readonly id: string;
  readonly type: InstanceType;
  readonly zone: string;
  /** What it sees of its disks. */
  readonly host: HostTree;
  /** The folder of that. */
  readonly folder: string;
}

/** One account in one region. */
export class Cloud {
  readonly region: string;
  readonly zones: readonly string[];
  readonly account = '123456789012';
  readonly instances: ReadonlyMap<string, Instance>;
  readonly state: CloudState;
  readonly disks: Disks;
  readonly faults = new Faults();
  settings: Settings = defaults;
  readonly #end = new AbortController();
  readonly #work = new Set<Promise<void>>();

  constructor(folder: string, region: string, instances: readonly Instance[]) {
    this.region = region;
    this.zones = ['a', 'b', 'c'].map((letter) => `${region}${letter}`);
    this.instances = new Map(instances.map((instance) => [instance.id, instance]));
    this.state = new CloudState(folder);
    this.disks = new Disks(folder);
  }

  /** The service's own clock, in milliseconds. */
  get clock(): number {
    return Date.now() + this.settings.clockMs;
  }

  /** Its clock as it is written in answers. */
  get time(): string {
    return new Date(this.clock).toISOString();
  }

  /** The state that a request sees: the current one, or an earlier one when answers are set to lag. */
  view(): Facts {
    const { ms, probability } = this.settings.lag;
    return ms > 0 && Math.random() < probability ? this.state.ago(ms) : this.state.current;
  }

  /** Waits. @returns false when the program ends meanwhile */
  async wait(ms: number): Promise<boolean> {
    try {
      await pause(ms, undefined, { signal: this.#end.signal });
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Runs work that a request has started and does not wait for.
   * @param what for the message when it fails, which is an error of the simulator
   */
  inBackground(what: string, work: () => Promise<void>): void {
    const done = work().catch((thrown) => console.error(`ec2: ${what}:`, thrown));
    this.#work.add(done);
    void done.then(() => this.#work.delete(done));
  }

  /** Ends all waiting, and returns when no background work is left. */
  async end(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#work);
  }
}
