import type { Devices } from '../../protocol/contract.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Backend } from './backend.ts';

/**
 * What this host has of volumes that are devices.
 * @throws RefusalError bad_request where they are none, backend_failed
 */
export async function devicesOf(backend: Backend): Promise<Devices> {
  const devices = await backend.devices?.();
  if (devices !== undefined) return devices;
  throw new RefusalError(
    'bad_request',
    `the ${backend.description} has no devices: its volumes are folders`,
    'see castle volumes',
  );
}
