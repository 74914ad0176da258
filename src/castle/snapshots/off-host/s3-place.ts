import { Failure } from '../../../terminal/failure.ts';

/** The bucket of an S3-compatible store for off-host copies. It contains no credentials. */
export interface S3Place {
  readonly bucket: string;
  /** The prefix of the key of every object: empty, or ending with a slash. */
  readonly prefix: string;
  /** The URL of the store. Default: Amazon S3. */
  readonly endpoint?: string;
  readonly region?: string;
  /**
   * Whether the bucket name is in the path of the URL and not in the host name. Most stores other than Amazon S3 require
   * that.
   */
  readonly pathStyle: boolean;
}

/** Amazon's rules for bucket names, without the rare exceptions. */
const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const prefixPattern = /^[A-Za-z0-9!_.*'()-]+(\/[A-Za-z0-9!_.*'()-]+)*\/?$/;

/**
 * Reads `s3=BUCKET[/PREFIX][,endpoint=URL][,region=NAME][,virtual-host]`.
 * @throws Failure usage
 */
export function parsePlace(text: string): S3Place {
  const [head = '', ...options] = text.split(',');
  const [, bucket = '', rest = ''] = /^s3=([^/]*)(?:\/(.*))?$/.exec(head) ?? [];
  if (!bucketPattern.test(bucket)) {
    throw wrong(`${JSON.stringify(head)} is not a bucket`, 'write s3=BUCKET or s3=BUCKET/PREFIX');
  }
  if (rest !== '' && !prefixPattern.test(rest)) {
    throw wrong(
      `the prefix ${JSON.stringify(rest)} is invalid`,
      "use letters, digits and !_.*'()-, separated by single slashes",
    );
  }
  const prefix = rest === '' || rest.endsWith('/') ? rest : `${rest}/`;
  const place: { -readonly [Key in keyof S3Place]: S3Place[Key] } = { bucket, prefix, pathStyle: false };
  let virtualHost = false;
  for (const option of options) {
    const [name, value = ''] = split(option);
    if (name === 'endpoint') place.endpoint = endpointOf(value);
    else if (name === 'region' && /^[a-z0-9-]{1,40}$/.test(value)) place.region = value;
    else if (option === 'virtual-host') virtualHost = true;
    else
      throw wrong(
        `the option ${JSON.stringify(option)} is invalid`,
        'use endpoint=URL, region=NAME or virtual-host',
      );
  }
  place.pathStyle = place.endpoint !== undefined && !virtualHost;
  return place;
}

/** Returns the address of the store, for messages. */
export function describePlace({ bucket, prefix, endpoint }: S3Place): string {
  return `s3://${bucket}/${prefix}${endpoint === undefined ? '' : ` at ${endpoint}`}`;
}

function split(option: string): readonly [string, string] {
  const at = option.indexOf('=');
  return at === -1 ? [option, ''] : [option.slice(0, at), option.slice(at + 1)];
}

function endpointOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:\/\//.test(text)) {
    throw wrong(`endpoint ${JSON.stringify(text)} is not a URL`, 'write endpoint=https://HOST[:PORT]');
  }
  const { username, password, search, hash } = new URL(text);
  if (username !== '' || password !== '' || search !== '' || hash !== '') {
    throw wrong(
      'the endpoint contains credentials, a query or a fragment',
      'give only the address there, and credentials where the AWS SDK finds them',
    );
  }
  return text.replace(/\/+$/, '');
}

const wrong = (sentence: string, remedy: string): Failure =>
  new Failure('usage', `--off-host: ${sentence}`, remedy);
