import { volumeNameFault } from '../../protocol/volume-name.ts';
import { badVolumeName } from './refusal.ts';

/** @throws RefusalError bad_volume_name */
export function checkVolumeName(volume: string): void {
  const fault = volumeNameFault(volume);
  if (fault !== undefined) throw badVolumeName(volume, fault);
}
