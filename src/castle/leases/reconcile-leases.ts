import { setImmediate as others } from 'node:timers/promises';
import { namespaceOf } from '../../linux/proc.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { MountInspector } from '../mounting/mount-inspector.ts';
import type { OneAtATime } from '../store/keyed-mutex.ts';
import type { Store } from '../store/store.ts';
import type { VolumeAdministration } from '../volumes/volume-administration.ts';
import type { VolumeCatalog } from '../volumes/volume-catalog.ts';
import { mountedElsewhere } from './refusals.ts';
import type { LeaseResolver } from './resolve-lease.ts';

/** What it works with; all of it is the ledger's. */
export interface LookingAgainMeans {
  readonly store: Store;
  readonly perVolume: OneAtATime;
  readonly truth: LeaseResolver;
  readonly sight: MountInspector;
  readonly volumes: VolumeCatalog;
  readonly administration: VolumeAdministration;
}

/** Compares what the castle believes with what is true, volume by volume, while it serves. */
export class LeaseReconciler {
  constructor(private readonly means: LookingAgainMeans) {}

  /**
   * Looks at everything once. Each volume is looked at behind what is under way with it, and requests come in between.
   * @param stop aborted when it is to end early
   * @returns how many entries of the store were put right
   */
  async lookAtAll(stop: AbortSignal): Promise<number> {
    const { store, perVolume, administration, sight } = this.means;
    const names = new Set([
      ...store.volumes().map(({ name }) => name),
      ...store.leases().map(({ volume }) => volume),
      ...administration.unsettled(),
    ]);
    const seemsUsed = sight.look();
    let corrected = 0;
    for (const name of names) {
      if (stop.aborted) break;
      corrected += await perVolume.run(name, () => this.lookAt(name, seemsUsed));
      await others();
    }
    return corrected;
  }

  private async lookAt(name: string, seemsUsed: (volume: string) => Promise<boolean>): Promise<number> {
    const { store, truth, volumes, administration } = this.means;
    let corrected = 0;
    try {
      if (await administration.settleOne(name)) corrected += 1;
      const settled = await volumes.settle(name);
      if (settled === 'corrected') corrected += 1;
      for (const lease of store.leases().filter(({ volume }) => volume === name)) {
        if (await truth.lookAgain(lease)) corrected += 1;
      }
      const isLeased = store.leases().some(({ volume }) => volume === name);
      if (settled !== 'unclear' && !isLeased && (await seemsUsed(name))) await this.tellOfUse(name);
    } catch (thrown) {
      volumes.tellUnclear('use', name, `volume ${name} cannot be looked at: ${errorMessage(thrown)}`);
    }
    return corrected;
  }

  /** A mount that no lease stands for keeps others from the volume: people may want to know before somebody asks. */
  private async tellOfUse(name: string): Promise<void> {
    const { sight, volumes } = this.means;
    const [use] = await sight.usesOf(name);
    if (use === undefined) return; // it was gone already
    const { sentence } = mountedElsewhere(name, use, use.namespace === namespaceOf('self', 'mnt'));
    volumes.tellUnclear('use', name, `${sentence}, without a lease`);
  }
}
