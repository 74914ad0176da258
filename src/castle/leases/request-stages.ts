/**
 * The types of a lease request in each stage of the grant path. Each step returns a new value with its results added, so the
 * type of a step's argument shows which steps ran before it.
 *
 *   step                     file                        its result
 *   identify the caller      identity/, api/             IdentifiedRequest
 *   permission               check-request.ts            the same IdentifiedRequest
 *   other leases             admit-request.ts            AdmittedRequest
 *   volume                   prepare-volume.ts           PreparedRequest
 *   existing mounts          check-existing-mounts.ts    CheckedRequest
 *   lease and mount          grant-lease.ts              LeaseRecord
 *   answer                   request-lease.ts            LeaseAnswer
 */
import type { IdView } from '../mounting/idmap/container-id-mapping.ts';
import type { Container, Peer } from '../runtimes/runtime.ts';
import type { LeaseRecord, VolumeRecord } from '../store/store.ts';
import type { VolumeSpec } from '../volumes/volume-catalog.ts';
import type { AccessMode } from './access-mode.ts';

/** A request for a lease by a caller that has been identified. */
export interface IdentifiedRequest {
  readonly container: Container;
  /** The process that sent the request. */
  readonly peer: Peer;
  readonly volume: string;
  /** The mount point: an absolute path in the container. */
  readonly target: string;
}

/** A request that conflicts with no lease and no queued request. */
export interface AdmittedRequest extends IdentifiedRequest {
  readonly mode: AccessMode;
  /** The leases of other containers on the volume. None of them conflicts with `mode`. */
  readonly others: readonly LeaseRecord[];
}

/** An admitted request whose volume exists. */
export interface PreparedRequest extends AdmittedRequest {
  readonly ids: IdView;
  readonly spec: VolumeSpec;
  /** The volume's record. It is not in the store yet if only the backend had the volume. */
  readonly record: VolumeRecord;
  /** Whether this request created the volume. */
  readonly isNew: boolean;
}

/** A prepared request whose volume has no conflicting mount in the kernel's mount tables. */
export interface CheckedRequest extends PreparedRequest {
  /** The id of the mount if the volume is already mounted on the mount point, for example after the store was lost. */
  readonly existingMountId: number | undefined;
  /** Whether the volume is mounted in other mount namespaces. */
  readonly isMountedElsewhere: boolean;
}

/** The sender of a request: the connection and the process that wait for the response. */
export interface Requester {
  /** Aborted when the connection closes. */
  readonly disconnected: AbortSignal;
  /** Whether the process that sent the request still runs; a later process with the same pid does not count. */
  readonly isAlive: () => boolean;
}
