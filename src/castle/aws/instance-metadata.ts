import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, Failure } from '../../terminal/failure.ts';

/** Where every instance finds its metadata service. */
export const defaultMetadataUrl = 'http://169.254.169.254';

/** How long one answer may take, in milliseconds: it comes from the host of the instance. */
const answerWithinMs = 2_000;
/** How often it is asked in all, and the first pause between, in milliseconds; each is twice the one before. */
const tries = 4;
const firstPauseMs = 100;
/** How long a token is good for, in seconds. */
const tokenSeconds = 60;

/** The instance that the castle runs on. */
export interface Instance {
  /** `i-…` */
  readonly id: string;
  readonly zone: string;
  /** As in `m7i.large`. */
  readonly type: string;
  readonly region: string;
}

/**
 * Reads which instance this is from the metadata service, version 2 (with a token); "Instance metadata and user data" of EC2.
 * @throws Failure config when it does not answer, as on a host that is no instance, or in a container one hop too far
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
