import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { errorMessage } from '../../../terminal/failure.ts';
import { httpTimeouts } from '../../aws/http-timeouts.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import type { Objects, StoredObject } from './object-store.ts';
import { describePlace, type S3Place } from './s3-place.ts';

/** The minimum size of each part of an upload except the last, in bytes, and how many parts are in memory at once. */
const leastPartBytes = 8 * 2 ** 20;
const partsAtOnce = 2;
/**
 * The number of parts for which the part size is chosen. S3 allows 10,000; the margin is for content that compression
 * enlarges.
 */
const parts = 9_000;
/** The time limit for opening a connection, in milliseconds. */
const connectWithinMs = 10_000;

/**
 * Opens an S3-compatible store with the AWS SDK, which signs and retries requests, and finds credentials where every AWS
 * tool does (environment, ~/.aws, container, instance).
 * @param silentForMs the time limit for silence on an open connection, after which a request is sent again, up to 3 times
 */
export async function s3Objects(place: S3Place, silentForMs = 60_000): Promise<Objects> {
  const sdk = await import('./sdk.ts');
  const { bucket, endpoint, region, pathStyle } = place;
  const Bucket = bucket;
  const description = describePlace(place);
  const client = new sdk.S3Client({
    region: region ?? 'us-east-1',
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: pathStyle,
    maxAttempts: 4,
    requestHandler: httpTimeouts(connectWithinMs, silentForMs),
  });

  /** Runs an operation. @param what the operation, for the message of a failure, which ends with the address of the store */
  async function doing<T>(what: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (thrown) {
      if (thrown instanceof RefusalError) throw thrown;
      throw new RefusalError(
        'backend_failed',
        `cannot ${what} ${description}: ${why(thrown)}`,
        'check the store, its credentials and the network, then try again',
      );
    }
  }

  return {
    description,

    put: (key, content, atMostBytes, facts) =>
      doing(`write ${key} to`, async () => {
        const upload = new sdk.Upload({
          client,
          params: {
            Bucket,
            Key: key,
            Body: content,
            ContentType: 'application/gzip',
            Metadata: { ...facts },
          },
          partSize: Math.max(leastPartBytes, Math.ceil(atMostBytes / parts)),
          queueSize: partsAtOnce,
        });
        // The SDK waits forever for the next chunk of a destroyed stream, so an error of the stream is raised separately.
        const failed = new Promise<never>((_, reject) => content.once('error', reject));
        try {
          await Promise.race([upload.done(), failed]);
        } catch (thrown) {
          content.destroy();
          await upload.abort().catch(() => undefined);
          throw thrown;
        }
      }),

    find: (key) =>
      doing(`find ${key} in`, async () => {
        try {
          const { ContentLength } = await client.send(new sdk.HeadObjectCommand({ Bucket, Key: key }));
          return { key, bytes: ContentLength ?? 0 };
        } catch (thrown) {
          if (isNotThere(thrown)) return undefined;
          throw thrown;
        }
      }),

    end: (key, bytes) =>
      doing(`read the end of ${key} in`, async () => {
        const command = new sdk.GetObjectCommand({ Bucket, Key: key, Range: `bytes=-${bytes}` });
        return buffer(bodyOf((await client.send(command)).Body));
      }),

    get: (key) =>
      doing(`read ${key} from`, async () =>
        bodyOf((await client.send(new sdk.GetObjectCommand({ Bucket, Key: key }))).Body),
      ),

    list: (prefix) =>
      doing('list', async () => {
        const found: StoredObject[] = [];
        for await (const page of sdk.paginateListObjectsV2({ client }, { Bucket, Prefix: prefix })) {
          // Without it, the page of any web server would be an empty list.
          if (page.IsTruncated === undefined) throw new Error(unlikeS3);
          for (const { Key, Size } of page.Contents ?? [])
            if (Key !== undefined) found.push({ key: Key, bytes: Size ?? 0 });
        }
        return found;
      }),

    remove: (key) =>
      doing(`remove ${key} from`, async () => {
        await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: key }));
      }),

    sweep: (prefix, beforeMs) =>
      doing('abort abandoned uploads to', async () => {
        const { Uploads = [] } = await client.send(
          new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: prefix }),
        );
        const old = Uploads.filter(({ Initiated }) => (Initiated?.getTime() ?? Infinity) < beforeMs);
        for (const { Key, UploadId } of old) {
          await client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
        }
        return old.length;
      }),
  };
}

function bodyOf(body: unknown): Readable {
  if (body instanceof Readable) return body;
  throw new Error('the store answered without a body');
}

const unlikeS3 = 'it does not answer as an S3 store does';

const isNotThere = (thrown: unknown): boolean =>
  thrown instanceof Error && (thrown.name === 'NotFound' || thrown.name === 'NoSuchKey');

/** Returns the reason of a failure. The messages of the SDK are for its developers, and some are empty. */
function why(thrown: unknown): string {
  if (!(thrown instanceof Error)) return errorMessage(thrown);
  const { code, $response } = thrown as Error & { code?: string; $response?: { statusCode?: number } };
  if (code === 'EPROTO' || code?.startsWith('ERR_SSL_')) return 'it does not answer with TLS';
  if (code !== undefined) return errorMessage(thrown);
  if (thrown.name === 'TimeoutError') return 'it does not answer';
  if (/deserialization error/i.test(thrown.message))
    return `${unlikeS3}, HTTP status ${$response?.statusCode}`;
  const [message = ''] = errorMessage(thrown).split('\n');
  if (message === '' || message === 'UnknownError') return thrown.name;
  return thrown.name === 'Error' ? message : `${message} (${thrown.name})`;
}
