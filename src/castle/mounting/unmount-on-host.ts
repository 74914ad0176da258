import { identify } from '../../linux/proc.ts';
import { type HoldProcess, withMountNamespace } from './held-process.ts';
import type { Mounter } from './mounter.ts';

/**
 * Unmounts a volume in the castle's own mount namespace, by castle-mount as in a container. The caller holds the volume's lock.
 * @param mountId the id of the mount, as in mountinfo: no other mount on the target is unmounted
 * @throws RefusalError busy, not_found, backend_failed; MountHungError
 */
export async function unmountOnHost(
  { holdProcess, mounter }: { readonly holdProcess: HoldProcess; readonly mounter: Mounter },
  target: string,
  mountId: number,
): Promise<void> {
  const self = holdProcess(identify(process.pid));
  if (self === undefined) throw new Error('the castle cannot open its own process');
  try {
    await withMountNamespace(self, (from) => mounter.unmount(from, target, mountId));
  } finally {
    self.close();
  }
}
