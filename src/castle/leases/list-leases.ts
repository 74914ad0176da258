import type { Lease, Volume } from '../../protocol/contract.ts';
import type { Container } from '../runtimes/runtime.ts';
import type { Store, VolumeRecord } from '../store/store.ts';
import { toLease } from './lease-recorder.ts';

/** Returns all leases, or only the leases of one container, in the form of the API. */
export function listLeases(store: Store, container?: Pick<Container, 'id'>): Lease[] {
  return (container === undefined ? store.leases() : store.leasesOf(container.id)).map(toLease);
}

/** Returns all volumes, each with the ids of its leases, in the form of the API. */
export function listVolumes(store: Store): Volume[] {
  return store.volumes().map((volume) => withLeases(store, volume));
}

export function withLeases(store: Store, volume: VolumeRecord): Volume {
  return { ...volume, leases: store.leasesOn(volume.name).map(({ id }) => id) };
}
