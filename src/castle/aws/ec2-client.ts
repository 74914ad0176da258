import type * as types from '@aws-sdk/client-ec2';
import { errorMessage } from '../../terminal/failure.ts';
import { httpTimeouts } from './http-timeouts.ts';
import { CallBudget } from './retry-budget.ts';

/** The maximum number of attempts of a call. The AWS SDK waits between them: exponential back-off with full jitter. */
const maxAttempts = 8;
/** The time limits for opening a connection, and for silence on an open one, in milliseconds. */
const connectWithinMs = 5_000;
const silentForMs = 30_000;
/** The maximum burst after a pause, in seconds of the long-term call rate. */
const burstSeconds = 10;

/** The result of a call, for the metrics. */
export type Outcome = 'done' | 'throttled' | 'failed';

/** Called after each attempt of each call. @param error the error code of EC2 or of the network; undefined on success */
export type OnEc2Call = (action: Action, outcome: Outcome, error: string | undefined) => void;

/** The EC2 API endpoint, and the rate limit for it. */
export interface Endpoint {
  readonly region: string;
  /** The URL of the endpoint. Default: the endpoint of the region. */
  readonly url?: string;
  /** The maximum average number of calls per second, of all kinds together. */
  readonly callsPerSecond: number;
}

/** The EC2 actions that the castle uses; an instance needs the permission for each. */
export type Action =
  | 'AttachVolume'
  | 'CreateSnapshot'
  | 'CreateTags'
  | 'CreateVolume'
  | 'DeleteSnapshot'
  | 'DeleteVolume'
  | 'DescribeInstanceTypes'
  | 'DescribeSnapshots'
  | 'DescribeVolumes'
  | 'DescribeVolumesModifications'
  | 'DetachVolume'
  | 'ModifyVolume';

/** The EC2 calls that the castle uses. A failed call throws an Error whose name is EC2's error code. */
export interface Ec2 {
  attachVolume(input: types.AttachVolumeCommandInput): Promise<types.AttachVolumeCommandOutput>;
  createSnapshot(input: types.CreateSnapshotCommandInput): Promise<types.CreateSnapshotCommandOutput>;
  createTags(input: types.CreateTagsCommandInput): Promise<types.CreateTagsCommandOutput>;
  createVolume(input: types.CreateVolumeCommandInput): Promise<types.CreateVolumeCommandOutput>;
  deleteSnapshot(input: types.DeleteSnapshotCommandInput): Promise<types.DeleteSnapshotCommandOutput>;
  deleteVolume(input: types.DeleteVolumeCommandInput): Promise<types.DeleteVolumeCommandOutput>;
  describeInstanceTypes(
    input: types.DescribeInstanceTypesCommandInput,
  ): Promise<types.DescribeInstanceTypesCommandOutput>;
  describeSnapshots(
    input: types.DescribeSnapshotsCommandInput,
  ): Promise<types.DescribeSnapshotsCommandOutput>;
  describeVolumes(input: types.DescribeVolumesCommandInput): Promise<types.DescribeVolumesCommandOutput>;
  describeVolumesModifications(
    input: types.DescribeVolumesModificationsCommandInput,
  ): Promise<types.DescribeVolumesModificationsCommandOutput>;
  detachVolume(input: types.DetachVolumeCommandInput): Promise<types.DetachVolumeCommandOutput>;
  modifyVolume(input: types.ModifyVolumeCommandInput): Promise<types.ModifyVolumeCommandOutput>;
}

/**
 * Creates an EC2 client, with the credentials that the SDK finds: environment, files, container, instance.
 *
 * Each action has its own SDK client, so that adaptive retries slow down only the throttled action. All share one call
 * budget, so that many containers at once do not exceed the limits of the account.
 */
export async function openEc2({ region, url, callsPerSecond }: Endpoint, onCall: OnEc2Call): Promise<Ec2> {
  const sdk = await import('./sdk.ts');
  const budget = new CallBudget(callsPerSecond, callsPerSecond * burstSeconds);
  const shared = {
    region,
    ...(url === undefined ? {} : { endpoint: url }),
    retryMode: 'adaptive',
    requestHandler: httpTimeouts(connectWithinMs, silentForMs),
  };
  const first = new sdk.EC2Client(shared);
  // Credentials are resolved and renewed once for all clients.
  const { credentials } = first.config;

  function client(action: Action, attempts = maxAttempts) {
    const made = new sdk.EC2Client({ ...shared, credentials, maxAttempts: attempts });
    made.middlewareStack.add(
      (next) => async (args) => {
        await budget.take();
        try {
          const answer = await next(args);
          onCall(action, 'done', undefined);
          return answer;
        } catch (thrown) {
          const name = ec2Code(thrown);
          onCall(action, isThrottling(name) ? 'throttled' : 'failed', name);
          throw thrown;
        }
      },
      // Added inside the retry middleware, so that each attempt counts.
      { step: 'finalizeRequest', name: 'castleBudget', priority: 'low' },
    );
    return made;
  }

  const clients = {
    attachVolume: client('AttachVolume'),
    // EC2 has no client token for snapshots, so the caller searches for an existing snapshot before it retries.
    createSnapshot: client('CreateSnapshot', 1),
    createTags: client('CreateTags'),
    createVolume: client('CreateVolume'),
    deleteSnapshot: client('DeleteSnapshot'),
    deleteVolume: client('DeleteVolume'),
    describeInstanceTypes: client('DescribeInstanceTypes'),
    describeSnapshots: client('DescribeSnapshots'),
    describeVolumes: client('DescribeVolumes'),
    describeVolumesModifications: client('DescribeVolumesModifications'),
    detachVolume: client('DetachVolume'),
    modifyVolume: client('ModifyVolume'),
  };
  return {
    attachVolume: (input) => clients.attachVolume.send(new sdk.AttachVolumeCommand(input)),
    createSnapshot: (input) => clients.createSnapshot.send(new sdk.CreateSnapshotCommand(input)),
    createTags: (input) => clients.createTags.send(new sdk.CreateTagsCommand(input)),
    createVolume: (input) => clients.createVolume.send(new sdk.CreateVolumeCommand(input)),
    deleteSnapshot: (input) => clients.deleteSnapshot.send(new sdk.DeleteSnapshotCommand(input)),
    deleteVolume: (input) => clients.deleteVolume.send(new sdk.DeleteVolumeCommand(input)),
    describeInstanceTypes: (input) =>
      clients.describeInstanceTypes.send(new sdk.DescribeInstanceTypesCommand(input)),
    describeSnapshots: (input) => clients.describeSnapshots.send(new sdk.DescribeSnapshotsCommand(input)),
    describeVolumes: (input) => clients.describeVolumes.send(new sdk.DescribeVolumesCommand(input)),
    describeVolumesModifications: (input) =>
      clients.describeVolumesModifications.send(new sdk.DescribeVolumesModificationsCommand(input)),
    detachVolume: (input) => clients.detachVolume.send(new sdk.DetachVolumeCommand(input)),
    modifyVolume: (input) => clients.modifyVolume.send(new sdk.ModifyVolumeCommand(input)),
  };
}

/** Returns the error code: EC2's, for example `VolumeInUse`, or the system's for a network error. */
export function ec2Code(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const { code } = thrown as NodeJS.ErrnoException;
  return thrown.name === 'Error' && code !== undefined ? code : thrown.name;
}

/** Whether an error has one of these EC2 error codes. */
export const isEc2Error = (thrown: unknown, ...codes: readonly string[]): boolean =>
  codes.includes(ec2Code(thrown));

/** Formats an EC2 error as the end of a sentence. */
export function describeEc2Error(thrown: unknown): string {
  const [code, message] = [ec2Code(thrown), errorMessage(thrown)];
  return message.includes(code) ? message : `${code}: ${message}`;
}

/** Whether EC2 refused a call because the rate limit was exceeded; "Error codes for the Amazon EC2 API". */
export function isThrottling(code: string): boolean {
  return ['RequestLimitExceeded', 'Throttling', 'ThrottlingException', 'RequestThrottled'].includes(code);
}
