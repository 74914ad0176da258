import type { Devices } from '../../protocol/contract.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Backend } from './backend.ts';

/**
 * Returns the devices of this host that hold volumes.
 * @throws RefusalError bad_request when the volumes of this backend are folders, backend_failed
 */
export async function listDevices(backend: Backend): Promise<Devices> {
  if (backend.devices !== null) return backend.devices.read();
  throw new RefusalError(
    'bad_request',
    `the ${backend.description} has no devices: its volumes are folders`,
    'see castle volumes',
  );
}
