import { describeEc2Error } from '../../aws/ec2-client.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Attachment, CastleVolume } from './volume.ts';

/** An EC2 call failed. @param what begins the sentence, as in `volume main cannot be attached` */
export function ec2Refused(what: string, thrown: unknown): RefusalError {
  if (thrown instanceof RefusalError) return thrown;
  return new RefusalError(
    'backend_failed',
    `${what}: ${describeEc2Error(thrown)}`,
    'try again; if it stays so, see the permissions of the instance and the limits of the account',
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
    `volume ${name} (${ec2Id}) is in the zone ${zone}, and this instance in ${here}`,
    'run the container there, or restore a snapshot of it here; the castle creates no empty one in its place',
  );
}

/** Several EBS volumes have the same volume name. */
export function severalVolumes(name: string, ids: readonly string[]): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} exists ${ids.length} times: ${ids.join(', ')}`,
    'remove the tag castle-volume from all but the right one',
  );
}

/** The volume is not formatted yet, and only the instance that creates it may complete it. */
export function stillBeingCreated({ name, ec2Id, creator }: CastleVolume): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} (${ec2Id}) is being created by the castle on instance ${creator}`,
    `wait for it; if that instance is gone, delete ${ec2Id}: nothing was ever written to it`,
  );
}

/** The volume no longer exists in EC2. */
export function volumeGone(name: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} does not exist in EBS any more`,
    'restore a snapshot; the castle does not create an empty one in its place',
  );
}

/** The state in the volume's tags does not allow a mount. */
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
    'it was detached; the next attempt uses another device name; if that fails too, use another instance',
  );
}

/** EC2 reports the volume as attached, but no disk of this host has its serial number. */
export function noSuchDevice(name: string, ec2Id: string, deviceName: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} is attached as ${deviceName}, but no disk of this host has the serial of ${ec2Id}`,
    'it was detached and not changed; the next attempt uses another device name',
  );
}

/** A new volume, which should be blank, contains data. */
export function notBlank(name: string, path: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} was just created, but ${path} is not blank`,
    'it was not formatted; check which volume that device is',
  );
}

/** The volume cannot be detached yet, because its device is still in use. */
export function stillDetaching(name: string, ec2Id: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} (${ec2Id}) is being detached from this instance, which waits for its last user`,
    'retry in a moment; if it stays so, find the program that has the device open or mounted',
  );
}

/** Every client token for this volume name was used for another request. */
export function tokensUsedUp(name: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `volume ${name} cannot be created: EC2 remembers all client tokens of that name for other volumes`,
    'it forgets them after some hours; use another name until then',
  );
}

export function modifiedTooOften(name: string): RefusalError {
  return new RefusalError(
    'busy',
    `volume ${name} was modified recently: EBS allows the next modification some hours later`,
    'retry later; it was not changed',
  );
}
