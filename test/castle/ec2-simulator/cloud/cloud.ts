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
  /** The instance's tree of /sys and /dev. */
  readonly host: HostTree;
  /** The folder of that tree. */
  readonly folder: string;
}

/** A simulated account in one region. */
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

  /** The simulated clock of the service, in milliseconds since 1970. */
  get clock(): number {
    return Date.now() + this.settings.clockMs;
  }

  /** The simulated time as responses contain it. */
  get time(): string {
    return new Date(this.clock).toISOString();
  }

  /** The state that a request sees: the current one or, with the setting `lag`, an earlier one. */
  view(): Facts {
    const { ms, probability } = this.settings.lag;
    return ms > 0 && Math.random() < probability ? this.state.ago(ms) : this.state.current;
  }

  /** Waits. @returns false when the program is ending */
  async wait(ms: number): Promise<boolean> {
    try {
      await pause(ms, undefined, { signal: this.#end.signal });
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Runs work that continues after the response of a request.
   * @param what describes the work, for the message about an error of the simulator
   */
  inBackground(what: string, work: () => Promise<void>): void {
    const done = work().catch((thrown) => console.error(`ec2: ${what}:`, thrown));
    this.#work.add(done);
    void done.then(() => this.#work.delete(done));
  }

  /** Aborts all waits, and resolves when no background work is left. */
  async end(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#work);
  }
}
