import type { Cloud } from '../cloud/cloud.ts';
import type { Facts } from '../cloud/records.ts';
import type { VolumeDevices } from '../cloud/volume-devices.ts';
import type { Subject } from '../faults/faults.ts';
import type { Parameters } from '../wire/parameters.ts';
import type { Xml } from '../wire/xml.ts';

/** A request that has passed the checks of the service. */
export interface Call {
  readonly cloud: Cloud;
  readonly devices: VolumeDevices;
  readonly parameters: Parameters;
  /** The state that the request sees, which may be outdated. Changes apply to the current state of the cloud. */
  readonly seen: Facts;
  readonly subject: Subject;
}

/** An action of the API. */
export interface Action {
  /** The names of its parameters, without list numbers. */
  readonly names: readonly string[];
  /**
   * Performs the action.
   * @returns the content of the response
   * @throws Ec2Error
   */
  act(call: Call): { readonly [name: string]: Xml } | Promise<{ readonly [name: string]: Xml }>;
}
