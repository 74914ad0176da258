import { describeEc2Error } from '../../aws/ec2-client.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Attachment, CastleVolume } from './volume.ts';

/** EC2 did not do what it was asked. @param what begins the sentence, as in `volume main cannot be attached` */
export function ec2Refused(what: string, thrown: unknown): RefusalError {
  if (thrown instanceof RefusalError) return thrown;
  return new RefusalError(
    'backend_failed',
    `${what}: ${describeEc2Error(thrown)}`,
    'try again; if it stays so, see the permissions of the instance and the limits of the account',
  );
}

/** Another instance has it. */
export function attachedElsewhere(
  { name, ec2Id }: CastleVolume,
  { instance, state }: Attachment,
): RefusalError {
  return new RefusalError(
    'volume_in_use',
    `volume ${name} (${ec2Id}) is ${state} on instance ${instance}`,
    'end what uses it there; it is never taken away by force',
    { holder: instance },
  );
}

/** The volume of that name is where this instance cannot have it. */
export function anotherZone({ name, ec2Id, zone }: CastleVolume, here: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} (${ec2Id}) lies in the zone ${zone}, and this instance in ${here}`,
    'run the container there, or restore a snapshot of it here; the castle makes no empty one in its place',
  );
}

/** Two volumes claim to be the same. */
export function severalVolumes(name: string, ids: readonly string[]): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} is there ${ids.length} times: ${ids.join(', ')}`,
    'take the tag castle-volume away from all but the right one',
  );
}

/** It isn't formatted yet, and only its maker may do that. */
export function stillBeingCreated({ name, ec2Id, creator }: CastleVolume): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} (${ec2Id}) is being made by the castle on instance ${creator}`,
    `wait for it; if that instance is gone, delete ${ec2Id}: nothing was ever written to it`,
  );
}

/** EC2 has no such volume any more. */
export function volumeGone(name: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} is not in EBS any more`,
    'restore a snapshot; the castle does not make an empty one in its place',
  );
}

/** Its tags say that it may not be mounted. */
export function wrongState({ name, ec2Id, state }: CastleVolume): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} (${ec2Id}) is marked as ${state}`,
    'see castle deleted and castle volumes; it was left as it is',
  );
}

export function tooManyAttached(name: string, instance: string, limit: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} cannot be attached: instance ${instance} has ${limit} volumes, and cannot have more`,
    'end a container that has one, use a larger type of instance, or say max= if it can have more',
  );
}

export function noNameLeft(name: string, instance: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} cannot be attached: no device name of instance ${instance} is left`,
    'see castle devices; names that failed are forgotten after a time, and by a new instance',
  );
}

/** EC2 did not come to an end with it. */
export function attachmentTimedOut(
  name: string,
  ec2Id: string,
  doing: string,
  seconds: number,
): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} (${ec2Id}) is still ${doing} after ${seconds} s`,
    'it was taken back; try again, by another device name; if it stays so, on another instance',
  );
}

/** EC2 says that it is attached, but no disk of this host says that it is that volume. */
export function noSuchDevice(name: string, ec2Id: string, deviceName: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} is attached as ${deviceName}, but no disk of this host has the serial of ${ec2Id}`,
    'it was taken back and nothing was touched; try again, by another device name',
  );
}

/** What is on a volume that should be blank. */
export function notBlank(name: string, path: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} was just made, but ${path} is not blank`,
    'it was not formatted; see which volume that device is',
  );
}

/** A detach waits for the last user of the device. */
export function stillDetaching(name: string, ec2Id: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} (${ec2Id}) is being detached from this instance, which waits for what uses it`,
    'it may be done in a moment; if it stays so, see who has the device open or mounted',
  );
}

/** Every token that the name can have was used for something else. */
export function tokensUsedUp(name: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} cannot be created: EC2 knows all client tokens of that name for other volumes`,
    'it forgets them after some hours; use another name until then',
  );
}

export function partialVolumeSize(name: string): RefusalError {
  return new RefusalError(
    'bad_request',
    `volume ${name} cannot have that size: EBS has whole GiB`,
    'give a size in G',
  );
}

export function modifiedTooOften(name: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} was changed not long ago: EBS needs some hours before it can grow again`,
    'try again later; it is as it was',
  );
}
