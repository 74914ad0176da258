import type { Cloud } from '../cloud/cloud.ts';
import type { Facts } from '../cloud/records.ts';
import type { VolumeDevices } from '../cloud/volume-devices.ts';
import type { Subject } from '../faults/faults.ts';
import type { Parameters } from '../wire/parameters.ts';
import type { Xml } from '../wire/xml.ts';

/** A request that has been let in. */
export interface Call {
  readonly cloud: Cloud;
  readonly devices: VolumeDevices;
  readonly parameters: Parameters;
  /** What the request can see; what it changes is changed in what is true. */
  readonly seen: Facts;
  readonly subject: Subject;
}

/** What the API can be asked to do. */
export interface Action {
  /** The parameters that it knows, without their numbers. */
  readonly names: readonly string[];
  /**
   * Does it.
   * @returns the content of the answer
   * @throws Ec2Error
   */
  act(call: Call): { readonly [name: string]: Xml } | Promise<{ readonly [name: string]: Xml }>;
}
