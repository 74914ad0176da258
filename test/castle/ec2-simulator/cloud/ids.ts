import { randomBytes } from 'node:crypto';
import { Ec2Error } from '../wire/errors.ts';

/** A new id as EC2 makes them: 17 hexadecimal digits. */
export const newId = (prefix: 'vol' | 'snap'): string => `${prefix}-0${randomBytes(8).toString('hex')}`;

/**
 * Looks at the form of ids that a client sent.
 * @throws Ec2Error as the real service calls what cannot be an id
 */
export function checkIds(prefix: 'vol' | 'snap' | 'i', ids: readonly string[]): void {
  const code = { vol: 'InvalidVolumeID', snap: 'InvalidSnapshotID', i: 'InvalidInstanceID' }[prefix];
  for (const id of ids) {
    // Instances of the simulator have whatever names tests give them.
    if (new RegExp(prefix === 'i' ? '^i-[0-9a-z-]+$' : `^${prefix}-[0-9a-f]{8,17}$`).test(id)) continue;
    throw new Ec2Error(`${code}.Malformed`, `Invalid id: "${id}" (expecting "${prefix}-...")`);
  }
}

/** What the NVMe controller of a volume gives as its serial number: the id without its dash. */
export const serialOf = (volume: string): string => volume.replace('-', '');
