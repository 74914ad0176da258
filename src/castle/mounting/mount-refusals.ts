import { RefusalError } from '../refusals/refusal.ts';

/** What castle-mount said: which step failed, and with what error. */
export interface MountFault {
  readonly step: string;
  readonly error: string;
}

/** A folder could not be mounted. */
export function mountRefusal(fault: MountFault, source: string, target: string): RefusalError {
  return (
    containerRefusal(fault, target) ??
    new RefusalError(
      'backend_failed',
      `${source} cannot be mounted on ${target}: ${fault.step}: ${fault.error}`,
      remedyFor(fault),
    )
  );
}

/** The file system of an image could not be mounted. */
export function imageRefusal(fault: MountFault, image: string, target: string): RefusalError {
  const { step, error } = fault;
  const inContainer = containerRefusal(fault, target);
  if (inContainer !== undefined) return inContainer;
  const sentence = `${image} cannot be mounted on ${target}: ${step}: ${error}`;
  if (step === 'space')
    return new RefusalError('backend_failed', sentence, 'make room on the disk of the image');
  if (step === 'loop')
    return new RefusalError('backend_failed', sentence, loopRemedies[error] ?? remedyFor(fault));
  if (step === 'device') {
    const why = `the device of ${image}, which others had, is just going (${error})`;
    return new RefusalError('busy', why, 'ask again: it gets another one');
  }
  if (step === 'file-system' && error === 'EBUSY') {
    return new RefusalError(
      'backend_failed',
      `${image} was found damaged while others use it, and the kernel has stopped writing to it`,
      'end all containers that have it: it is checked before the next mount',
    );
  }
  if (step === 'identity') {
    return new RefusalError(
      'backend_failed',
      sentence,
      'the image was changed just now: see who works on it',
    );
  }
  if (step === 'file-system' && ['EUCLEAN', 'EBADMSG', 'EINVAL', 'EIO'].includes(error)) {
    return new RefusalError(
      'backend_failed',
      `${image} has a damaged file system: the kernel does not mount it (${error})`,
      'dmesg says more; repair a copy of the image (e2fsck, xfs_repair), or restore a backup',
    );
  }
  return new RefusalError('backend_failed', sentence, remedyFor(fault));
}

/** A folder of an NFS server could not be mounted. */
export function nfsRefusal(fault: MountFault, source: string, target: string): RefusalError {
  const { step, error } = fault;
  const inContainer = containerRefusal(fault, target);
  if (inContainer !== undefined) return inContainer;
  const sentence = `${source} cannot be mounted on ${target}`;
  // Killed when its time was over.
  if (step === 'castle-mount' && error === 'SIGKILL') {
    return new RefusalError('backend_failed', `${sentence}: the server does not answer`, nfsRemedies.away);
  }
  const remedy = step === 'nfs' ? nfsRemedies[error] : undefined;
  return new RefusalError('backend_failed', `${sentence}: ${step}: ${error}`, remedy ?? remedyFor(fault));
}

/** A mounted file system could not be made larger; its image is, so that the next mount tries again. */
export function growRefusal(fault: MountFault, image: string, target: string): RefusalError {
  const { step, error } = fault;
  if (step === 'mount') {
    return new RefusalError(
      'busy',
      `something else is mounted on ${target} in the container`,
      'take that away, then try again: until then only the image is larger',
    );
  }
  return new RefusalError(
    'backend_failed',
    `the file system of ${image} could not grow while mounted on ${target}: ${step}: ${error}`,
    'its image is larger already; the file system follows when it is mounted the next time',
  );
}

/** What has nothing to do with what is mounted. */
function containerRefusal({ step, error }: MountFault, target: string): RefusalError | undefined {
  if (step === 'target') {
    const why = targetFaults[error] ?? `cannot be opened (${error})`;
    return new RefusalError(
      'bad_target',
      `mount point ${target} ${why}`,
      'it has to be an existing folder of the container, reached without symlinks',
    );
  }
  if (step !== 'enter' || error === 'EPERM') return undefined;
  return new RefusalError(
    'backend_failed',
    `the container cannot be entered (${error})`,
    'it may just have ended',
  );
}

function remedyFor({ error }: MountFault): string {
  if (error === 'EPERM') {
    return 'the castle needs CAP_SYS_ADMIN and CAP_SYS_CHROOT over the container: run it as root on the host, with both';
  }
  return error === 'ENOSYS' ? 'the castle needs Linux 5.12' : 'see the log of the castle';
}

const nfsRemedies: Record<string, string> & { readonly away: string } = {
  away: 'see to the server and the network between; then ask again',
  ENODEV: 'this kernel has no NFS client: load the module nfsv4',
  ENOENT: 'the folder is not on the server any more, or not exported',
  EACCES: 'the server does not let this host in: see its exports',
  EPERM: 'the server does not let this host in: see its exports',
  ESTALE: 'the server has another folder in its place: see to its exports',
};

const loopRemedies: Record<string, string> = {
  ENOENT: 'the host has no /dev/loop-control: load the module loop, and give the castle the /dev of the host',
  EBUSY: 'all loop devices were taken by others at once; try again',
};

const targetFaults: Record<string, string> = {
  ELOOP: 'is a symlink or leads through one',
  ENOTDIR: 'is not a folder',
  ENOENT: 'does not exist in the container',
  EACCES: 'cannot be reached in the container',
};
