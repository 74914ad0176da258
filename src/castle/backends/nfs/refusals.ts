import { RefusalError } from '../../refusals/refusal.ts';
import type { Claim } from '../claims.ts';
import type { NfsSettings } from './settings.ts';

const name = ({ host, path }: NfsSettings): string => `${host}:${path}`;

const checkServer = 'check the server and the network; its data is unchanged';

export function silentServer(settings: NfsSettings): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the NFS server of ${name(settings)} does not answer`,
    checkServer,
  );
}

export function tooManyEntries(settings: NfsSettings): RefusalError {
  return new RefusalError(
    'backend_failed',
    `a folder of ${name(settings)} has too many entries to list`,
    'keep only volumes of castles in that export',
  );
}

export function unknownHost({ host }: NfsSettings, why: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the NFS server ${host} cannot be resolved: ${why}`,
    'check the resolver of this host, or give the address of the server',
  );
}

/**
 * The export could not be mounted.
 * @param step the step of castle-mount that failed
 * @param why the kernel's additional message; may be empty
 */
export function unreachableExport(
  settings: NfsSettings,
  step: string,
  error: string,
  why: string,
): RefusalError | NoNfsClientError {
  if (step !== 'export') {
    return new RefusalError('backend_failed', `castle-mount ended: ${step} ${error}`, 'try again');
  }
  if (error === 'ENODEV') return new NoNfsClientError();
  const more = why === '' ? error : `${error}, ${why}`;
  const sentence = `${name(settings)} cannot be reached: ${more}`;
  return new RefusalError('backend_failed', sentence, remedies[error] ?? checkServer);
}

const remedies: Readonly<Record<string, string>> = {
  ENOENT: 'export that folder on the server, or give the path that version 4 has for it',
  EACCES: 'allow this host in the exports of the server',
  EPERM: 'allow this host in the exports of the server, with the option insecure if its ports are above 1023',
  EINVAL: 'check the options of nfs=',
  EPROTONOSUPPORT: 'the server does not support that version: use vers=4.1, or enable 4.2 on the server',
};

/** This kernel has no NFS client. */
export class NoNfsClientError extends RefusalError {
  constructor() {
    super(
      'backend_failed',
      'this kernel has no NFS client',
      'load the module nfsv4, or boot a kernel that has it (CONFIG_NFS_V4)',
    );
  }
}

export function notAFolder(settings: NfsSettings, path: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `${name(settings)}/${path} exists, but is not a folder`,
    'check it on the server; it was not changed',
  );
}

/** An operation on the export failed. @param what begins the sentence, as in `volume main cannot be created` */
export function operationFailed(settings: NfsSettings, what: string, error: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `${what} on ${name(settings)}: ${error}`,
    operationRemedies[error] ?? checkServer,
  );
}

const allowRoot =
  'export it to this host with no_root_squash, or with all_squash and the anonuid and anongid of the containers';

const operationRemedies: Readonly<Record<string, string>> = {
  EPERM: allowRoot,
  EACCES: allowRoot,
  EROFS: 'export it for reading and writing (rw)',
  ENOSPC: 'free space on the server',
  EDQUOT: 'raise the quota on the server',
};

/** Another host has claimed the volume. */
export function claimedElsewhere(volume: string, { host, since }: Claim): RefusalError {
  return new RefusalError(
    'volume_in_use',
    `volume ${volume} is in use on host ${host}${since === '' ? '' : ` since ${since}`}`,
    `stop its container there; only if that host no longer exists, run: castle volume unlock ${volume} --force`,
    { holder: `host ${host}` },
  );
}

export function nameTaken(volume: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} exists again`,
    'delete that one first; then both are kept in the trash',
  );
}
