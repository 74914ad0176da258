import { RefusalError } from '../../refusals/refusal.ts';
import type { Claim } from '../claims.ts';
import type { NfsSettings } from './settings.ts';

const name = ({ host, path }: NfsSettings): string => `${host}:${path}`;

const checkServer = 'see to the server and the network between; what it has stays as it is';

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
    `the NFS server ${host} is not known: ${why}`,
    'see to the resolver of this host, or give the address of the server',
  );
}

/**
 * The export could not be mounted.
 * @param step what castle-mount was doing
 * @param why what the kernel said besides, or nothing
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
  EACCES: 'let this host in: see the exports of the server',
  EPERM:
    'let this host in: see the exports of the server, and whether a port above 1023 needs its option insecure',
  EINVAL: 'see the options behind nfs=',
  EPROTONOSUPPORT: 'the server speaks no such version: use vers=4.1, or let it speak 4.2',
};

/** This kernel cannot mount from an NFS server. */
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
    `${name(settings)}/${path} is there, but not a folder`,
    'look at it on the server; it was left as it is',
  );
}

/** @param what begins the sentence, as in `volume main cannot be created` */
export function operationFailed(settings: NfsSettings, what: string, error: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `${what} on ${name(settings)}: ${error}`,
    operationRemedies[error] ?? checkServer,
  );
}

const allowRoot =
  'export it to this host with no_root_squash; or with all_squash and the anonuid and anongid that containers have';

const operationRemedies: Readonly<Record<string, string>> = {
  EPERM: allowRoot,
  EACCES: allowRoot,
  EROFS: 'export it for reading and writing (rw)',
  ENOSPC: 'make room on the server',
  EDQUOT: 'raise the quota on the server',
};

/** Another host has the volume. */
export function claimedElsewhere(volume: string, { host, since }: Claim): RefusalError {
  return new RefusalError(
    'volume_in_use',
    `volume ${volume} is in use on host ${host}${since === '' ? '' : ` since ${since}`}`,
    `end its container there; only when that host is gone for good: castle volume unlock ${volume} --force`,
    { holder: `host ${host}` },
  );
}

export function nameTaken(volume: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${volume} is there again`,
    'delete that one first; both are kept then',
  );
}
