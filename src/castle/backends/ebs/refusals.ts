import { describeEc2Error } from '../../aws/ec2-client.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Attachment, CastleVolume } from './volume.ts';

/** An EC2 call failed. @param what begins the sentence, as in `volume main cannot be attached` */
export function ec2Refused(what: string, thrown: unknown): RefusalError {
  if (thrown instanceof RefusalError) return thrown;
  return new RefusalError(
    'backend_failed',
    `${what}: ${describeEc2Error(thrown)}`,
    'try again; if it fails again, check the permissions of the instance and the limits of the account',
  );
}

/** Another instance has the volume attached. */
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

/** The volume with this name is in another availability zone, so this instance cannot attach it. */
export function anotherZone({ name, ec2Id, zone }: CastleVolume, here: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} (${ec2Id}) is in the zone ${zone}, but this instance is in ${here}`,
    'run the container there, or restore a snapshot of it here; the castle never creates an empty volume in its place',
  );
}

/** Several EBS volumes have the same volume name. */
export function severalVolumes(name: string, ids: readonly string[]): RefusalError {
  return new RefusalError(
    'backend_failed',
    `${ids.length} EBS volumes have the name ${name}: ${ids.join(', ')}`,
    'remove the tag castle-volume from all but the right one',
  );
}

/** The volume is not formatted yet, and only the instance that creates it may complete it. */
export function stillBeingCreated({ name, ec2Id, creator }: CastleVolume): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} (${ec2Id}) is being created by the castle on instance ${creator}`,
    `wait; if that instance no longer exists, delete ${ec2Id}, which has no data`,
  );
}

/** The volume no longer exists in EC2. */
export function volumeGone(name: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} does not exist in EBS any more`,
    'restore a snapshot; the castle never creates an empty volume in its place',
  );
}

/** The state in the volume's tags does not allow a mount. */
export function wrongState({ name, ec2Id, state }: CastleVolume): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} (${ec2Id}) is marked as ${state}`,
    'check the output of castle deleted and castle volumes; the volume was not changed',
  );
}

export function tooManyAttached(name: string, instance: string, limit: number): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} cannot be attached: instance ${instance} already has ${limit} volumes, which is its limit`,
    'stop a container that uses one, use a larger instance type, or raise max= in --backend if the instance allows it',
  );
}

export function noNameLeft(name: string, instance: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} cannot be attached: instance ${instance} has no free device name`,
    'wait, or use another instance; castle devices lists the names that the castle avoids after a failure, and until when',
  );
}

/** EC2 did not complete an attach or a detach within the time limit. */
export function attachmentTimedOut(
  name: string,
  ec2Id: string,
  doing: string,
  seconds: number,
): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} (${ec2Id}) is still ${doing} after ${seconds} s`,
    'try again: the next attachment uses another device name; if it fails again, use another instance',
  );
}

/** EC2 reports the volume as attached, but no disk of this host has its serial number. */
export function noSuchDevice(name: string, ec2Id: string, deviceName: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} is attached as ${deviceName}, but no disk of this host has the serial of ${ec2Id}`,
    'try again: the next attachment uses another device name; the volume was detached and not changed',
  );
}

/** A new volume, which should be blank, contains data. */
export function notBlank(name: string, path: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} was just created, but ${path} is not blank`,
    'the device was not formatted; check which volume it belongs to',
  );
}

/** The volume cannot be detached yet, because its device is still in use. */
export function stillDetaching(name: string, ec2Id: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} (${ec2Id}) is still being detached from this instance, because its device is in use`,
    'retry in a moment; if it fails again, find the program that has the device open or mounted',
  );
}

/** Every client token for this volume name was used for another request. */
export function tokensUsedUp(name: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} cannot be created: all client tokens of that name are in use for earlier volumes`,
    'use another name, or try again after some hours, when EC2 has discarded the tokens',
  );
}

export function modifiedTooOften(name: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} was modified recently: EBS allows the next modification some hours later`,
    'retry later; it was not changed',
  );
}
