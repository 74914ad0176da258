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
    'stop the container that uses it there; the castle never detaches by force',
    { holder: instance },
  );
}

/** The volume of that name is where this instance cannot have it. */
export function anotherZone({ name, ec2Id, zone }: CastleVolume, here: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} (${ec2Id}) is in the zone ${zone}, and this instance in ${here}`,
    'run the container there, or restore a snapshot of it here; the castle creates no empty one in its place',
  );
}

/** Two volumes claim to be the same. */
export function severalVolumes(name: string, ids: readonly string[]): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} exists ${ids.length} times: ${ids.join(', ')}`,
    'remove the tag castle-volume from all but the right one',
  );
}

/** It isn't formatted yet, and only its maker may do that. */
export function stillBeingCreated({ name, ec2Id, creator }: CastleVolume): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} (${ec2Id}) is being created by the castle on instance ${creator}`,
    `wait for it; if that instance is gone, delete ${ec2Id}: nothing was ever written to it`,
  );
}

/** EC2 has no such volume any more. */
export function volumeGone(name: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} does not exist in EBS any more`,
    'restore a snapshot; the castle does not create an empty one in its place',
  );
}

/** Its tags say that it may not be mounted. */
export function wrongState({ name, ec2Id, state }: CastleVolume): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} (${ec2Id}) is marked as ${state}`,
    'see castle deleted and castle volumes; it was not changed',
  );
}

export function tooManyAttached(name: string, instance: string, limit: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} cannot be attached: instance ${instance} has ${limit} volumes, and cannot have more`,
    'end a container that has one, use a larger instance type, or set max= in --backend if it can have more',
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
    'it was detached; the next attempt uses another device name; if that fails too, use another instance',
  );
}

/** EC2 says that it is attached, but no disk of this host says that it is that volume. */
export function noSuchDevice(name: string, ec2Id: string, deviceName: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} is attached as ${deviceName}, but no disk of this host has the serial of ${ec2Id}`,
    'it was detached and not changed; the next attempt uses another device name',
  );
}

/** What is on a volume that should be blank. */
export function notBlank(name: string, path: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} was just created, but ${path} is not blank`,
    'it was not formatted; check which volume that device is',
  );
}

/** A detach waits for the last user of the device. */
export function stillDetaching(name: string, ec2Id: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} (${ec2Id}) is being detached from this instance, which waits for its last user`,
    'retry in a moment; if it stays so, find the program that has the device open or mounted',
  );
}

/** Every token that the name can have was used for something else. */
export function tokensUsedUp(name: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} cannot be created: EC2 remembers all client tokens of that name for other volumes`,
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
    `volume ${name} was modified recently: EBS allows the next modification some hours later`,
    'retry later; it was not changed',
  );
}
