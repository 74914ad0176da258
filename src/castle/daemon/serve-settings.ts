import type { TlsSettings } from '../api/tls-files.ts';
import type { SnapshotPlan } from '../snapshots/schedule-settings.ts';
import type { SettingValues } from './settings.ts';

/** The settings of a castle: the values of the settings table, with related values grouped. */
export interface ServeSettings
  extends Pick<
    SettingValues,
    | 'socket'
    | 'state'
    | 'backend'
    | 'runtime'
    | 'offHost'
    | 'freezeLimitMs'
    | 'keepDeletedMs'
    | 'reconcileIntervalMs'
    | 'gcIntervalMs'
    | 'metricsListen'
    | 'plugin'
  > {
  /** The unix socket of the container engine, for the runtimes docker and podman. */
  readonly dockerSocket: string;
  /** When snapshots are taken, of which volumes, and which are kept; undefined: only on request. */
  readonly snapshots: SnapshotPlan | undefined;
  /** Where the castle listens with TLS for containers with tokens; undefined: nowhere. */
  readonly tls: TlsSettings | undefined;
}
