import { RefusalError } from '../refusals/refusal.ts';

/** A failure that castle-mount reports: the step, and the name of the errno. */
export interface MountFault {
  readonly step: string;
  readonly error: string;
}

/** Returns the refusal for a folder that could not be mounted. */
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

/** Returns the refusal for an image whose file system could not be mounted. */
export function imageRefusal(fault: MountFault, image: string, target: string): RefusalError {
  const { step, error } = fault;
  const inContainer = containerRefusal(fault, target);
  if (inContainer !== undefined) return inContainer;
  const sentence = `${image} cannot be mounted on ${target}: ${step}: ${error}`;
  if (step === 'space')
    return new RefusalError('backend_failed', sentence, 'free space on the disk of the image');
  if (step === 'loop')
    return new RefusalError('backend_failed', sentence, loopRemedies[error] ?? remedyFor(fault));
  if (step === 'device') {
    const reason = `the loop device of ${image} is being detached (${error})`;
    return new RefusalError('busy', reason, 'send the request again: the image gets another device');
  }
  if (step === 'file-system' && error === 'EBUSY') {
    return new RefusalError(
      'backend_failed',
      `the file system of ${image} was found damaged while containers use it, and the kernel has stopped writing to it`,
      'stop all containers that use it: the castle checks it before the next mount',
    );
  }
  if (step === 'identity') {
    return new RefusalError(
      'backend_failed',
      sentence,
      'the image was changed during the mount: find out which program changes it',
    );
  }
  if (step === 'file-system' && ['EUCLEAN', 'EBADMSG', 'EINVAL', 'EIO'].includes(error)) {
    return new RefusalError(
      'backend_failed',
      `${image} has a damaged file system: the kernel does not mount it (${error})`,
      'see dmesg for details; repair a copy of the image (e2fsck, xfs_repair), or restore a backup',
    );
  }
  return new RefusalError('backend_failed', sentence, remedyFor(fault));
}

/** Returns the refusal for a folder of an NFS server that could not be mounted. */
export function nfsRefusal(fault: MountFault, source: string, target: string): RefusalError {
  const { step, error } = fault;
  const inContainer = containerRefusal(fault, target);
  if (inContainer !== undefined) return inContainer;
  const sentence = `${source} cannot be mounted on ${target}`;
  // castle-mount was killed when its time limit was over.
  if (step === 'castle-mount' && error === 'SIGKILL') {
    return new RefusalError('backend_failed', `${sentence}: the server does not answer`, nfsRemedies.away);
  }
  const remedy = step === 'nfs' ? nfsRemedies[error] : undefined;
  return new RefusalError('backend_failed', `${sentence}: ${step}: ${error}`, remedy ?? remedyFor(fault));
}

/**
 * Returns the refusal for a mounted file system that could not grow. The image is larger already; the next mount tries again.
 */
export function growRefusal(fault: MountFault, image: string, target: string): RefusalError {
  const { step, error } = fault;
  if (step === 'mount') {
    return new RefusalError(
      'busy',
      `something else is mounted on ${target} in the container`,
      'unmount it, then grow the volume again; until then only the image is larger',
    );
  }
  return new RefusalError(
    'backend_failed',
    `the file system of ${image} could not grow while mounted on ${target}: ${step}: ${error}`,
    'no action is needed: the image is larger already, and the file system grows at the next mount',
  );
}

/** Returns the refusal for a failure in the container, such as a missing mount point; undefined for other failures. */
function containerRefusal({ step, error }: MountFault, target: string): RefusalError | undefined {
  if (step === 'target') {
    const reason = targetFaults[error] ?? `cannot be opened (${error})`;
    return new RefusalError(
      'bad_target',
      `mount point ${target} ${reason}`,
      'use an existing folder of the container whose path contains no symlinks',
    );
  }
  if (step !== 'enter' || error === 'EPERM') return undefined;
  return new RefusalError(
    'backend_failed',
    `the mount namespace of the container cannot be entered (${error})`,
    'check that the container still runs',
  );
}

function remedyFor({ error }: MountFault): string {
  if (error === 'EPERM') {
    return 'the castle needs CAP_SYS_ADMIN and CAP_SYS_CHROOT over the container: run it as root on the host, with both';
  }
  return error === 'ENOSYS' ? 'the castle needs Linux 5.12 or newer' : 'see the log of the castle';
}

const nfsRemedies: Record<string, string> & { readonly away: string } = {
  away: 'check the server and the network, then send the request again',
  ENODEV: 'this kernel has no NFS client: load the module nfsv4',
  ENOENT: 'check that the folder exists on the server and is exported',
  EACCES: 'the server does not allow this host: check its exports',
  EPERM: 'the server does not allow this host: check its exports',
  ESTALE: 'the folder on the server was replaced: check its exports',
};

const loopRemedies: Record<string, string> = {
  ENOENT:
    'the host has no /dev/loop-control: load the kernel module loop, and give the castle the /dev of the host',
  EBUSY: 'other programs took all free loop devices at the same time: send the request again',
};

const targetFaults: Record<string, string> = {
  ELOOP: 'is a symlink or leads through one',
  ENOTDIR: 'is not a folder',
  ENOENT: 'does not exist in the container',
  EACCES: 'cannot be reached in the container',
};
