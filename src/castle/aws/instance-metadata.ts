import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, Failure } from '../../terminal/failure.ts';

/** The address of the instance metadata service, on every instance. */
export const defaultMetadataUrl = 'http://169.254.169.254';

/** The time limit of one response, in milliseconds: the host of the instance responds, without a network in between. */
const answerWithinMs = 2_000;
/** The maximum number of attempts, and the first pause between them, in milliseconds; the pause doubles. */
const tries = 4;
const firstPauseMs = 100;
/** The lifetime of a metadata token, in seconds. */
const tokenSeconds = 60;

/** The instance that the castle runs on. */
export interface Instance {
  /** The instance id, `i-…`. */
  readonly id: string;
  readonly zone: string;
  /** The instance type, for example `m7i.large`. */
  readonly type: string;
  readonly region: string;
}

/**
 * Reads the identity of this instance from the instance metadata service, version 2 (with a token); "Instance metadata and
 * user data" in the EC2 documentation.
 * @throws Failure config when the service does not answer, as on a host that is not an EC2 instance, or in a container when
 *   the hop limit is too low
 */
export async function readInstanceMetadata(url: string): Promise<Instance> {
  try {
    const token = await ask(`${url}/latest/api/token`, {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': String(tokenSeconds) },
    });
    const get = (path: string) =>
      ask(`${url}/latest/meta-data/${path}`, { headers: { 'x-aws-ec2-metadata-token': token } });
    const [id, zone, type] = await Promise.all([
      get('instance-id'),
      get('placement/availability-zone'),
      get('instance-type'),
    ]);
    // The region cannot be derived from the name of a local zone.
    const region = await get('placement/region').catch(() => zone.replace(/[a-z]$/, ''));
    return { id, zone, type, region };
  } catch (thrown) {
    throw new Failure(
      'config',
      `the metadata service at ${url} does not identify this instance: ${errorMessage(thrown)}`,
      'run the castle on an EC2 instance with IMDSv2; in a container, on the network of the host or with a hop limit of 2',
    );
  }
}

async function ask(url: string, init: RequestInit): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(answerWithinMs) });
      const text = (await answer.text()).trim();
      if (answer.ok && /^[\x21-\x7e]{1,256}$/.test(text)) return text;
      throw new Error(`HTTP ${answer.status}`);
    } catch (thrown) {
      if (attempt === tries || (thrown instanceof Error && thrown.message === 'HTTP 404')) throw thrown;
      await sleep(firstPauseMs * 2 ** attempt);
    }
  }
}
