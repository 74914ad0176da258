import { randomBytes } from 'node:crypto';
import { Ec2Error } from '../wire/errors.ts';

/** Creates an id like those of EC2: 17 hexadecimal digits after the prefix. */
export const newId = (prefix: 'vol' | 'snap'): string => `${prefix}-0${randomBytes(8).toString('hex')}`;

/**
 * Checks the form of ids in a request.
 * @throws Ec2Error with the code that EC2 uses for a malformed id
 */
export function checkIds(prefix: 'vol' | 'snap' | 'i', ids: readonly string[]): void {
  const code = { vol: 'InvalidVolumeID', snap: 'InvalidSnapshotID', i: 'InvalidInstanceID' }[prefix];
  for (const id of ids) {
    // Tests choose the ids of the simulator's instances freely.
    if (new RegExp(prefix === 'i' ? '^i-[0-9a-z-]+$' : `^${prefix}-[0-9a-f]{8,17}$`).test(id)) continue;
    throw new Ec2Error(`${code}.Malformed`, `Invalid id: "${id}" (expecting "${prefix}-...")`);
  }
}

/** The serial number of a volume's NVMe controller: the id without its dash. */
export const serialOf = (volume: string): string => volume.replace('-', '');
