import type { Native } from '../../linux/native-addon.ts';
import type { OnEc2Call } from '../aws/ec2-client.ts';
import type { EmitEvent } from '../events/event.ts';
import type { Mounter } from '../mounting/mounter.ts';
import type { ReplayJournal } from '../mounting/replay-journal.ts';
import type { Backend } from './backend.ts';
import type { BackendSettings } from './backend-settings.ts';
import { ebsBackend } from './ebs/backend.ts';
import { localBackend } from './local/backend.ts';
import { loopBackend } from './loop/backend.ts';
import { nfsBackend } from './nfs/backend.ts';

export interface BackendDeps {
  readonly mounter: Mounter;
  readonly native: Native;
  readonly replay: ReplayJournal;
  /** The path of castle-mount. */
  readonly mountProgram: string;
  /** The state folder; created when it does not exist. */
  readonly state: string;
  readonly emit: EmitEvent;
  /** Called after each attempt of each EC2 API call. */
  readonly onEc2Call: OnEc2Call;
}

/**
 * Opens a backend. backend.ts defines what a backend has to implement.
 * @throws Failure cannotCreate, config
 */
export function openBackend(settings: BackendSettings, deps: BackendDeps): Promise<Backend> {
  switch (settings.name) {
    case 'local':
      return localBackend(settings.folder, deps.mounter);
    case 'loop':
      return loopBackend(settings, deps);
    case 'nfs':
      return nfsBackend(settings, deps);
    case 'ebs':
      return ebsBackend(settings, deps);
  }
}
