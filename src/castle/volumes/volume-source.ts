import type { SourceFolder } from '../../linux/mountinfo.ts';
import { errorCode, errorMessage } from '../../terminal/failure.ts';
import type { Backend } from '../backends/backend.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Store } from '../store/store.ts';
import { lostVolume } from './refusals.ts';

/**
 * Returns the device and folder that the kernel's mount tables show for a mount of the volume.
 * @returns undefined when the volume cannot be mounted anywhere now
 * @throws RefusalError backend_failed when the backend cannot be read
 */
export async function volumeSource(
  store: Store,
  backend: Backend,
  name: string,
): Promise<SourceFolder | undefined> {
  const { id } = store.volume(name) ?? {};
  try {
    return await backend.source({ name, ...(id === undefined ? {} : { id }) });
  } catch (thrown) {
    if (thrown instanceof RefusalError) throw thrown;
    if (errorCode(thrown) === 'ENOENT') throw lostVolume(name, backend.description);
    throw new RefusalError(
      'backend_failed',
      `volume ${name} cannot be examined: ${errorMessage(thrown)}`,
      `check the ${backend.description}`,
    );
  }
}
