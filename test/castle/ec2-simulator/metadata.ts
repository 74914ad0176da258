import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cloud, Instance } from './cloud/cloud.ts';

/** As long as a token of this service may be good for, by the EC2 User Guide: six hours. */
const longestSeconds = 21_600;

/**
 * The metadata service of an instance, version 2: `PUT /latest/api/token` gives a token, without which nothing else is
 * answered. On a real instance it is at 169.254.169.254; here each instance has a port of its own.
 */
export class Metadata {
  readonly #cloud: Cloud;
  readonly #instance: Instance;
  /** Until when each token is good. */
  readonly #tokens = new Map<string, number>();

  constructor(cloud: Cloud, instance: Instance) {
    this.#cloud = cloud;
    this.#instance = instance;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { status, text } = this.#answer(request);
    response.writeHead(status, { 'Content-Type': 'text/plain' });
    response.end(text);
  }

  #answer({ method, url = '', headers }: IncomingMessage): {
    readonly status: number;
    readonly text: string;
  } {
    // A proxy that is open to others must not hand this out: the real one refuses such requests, too.
    if (headers['x-forwarded-for'] !== undefined) return { status: 403, text: 'Forbidden' };
    if (method === 'PUT' && url === '/latest/api/token') {
      const seconds = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']);
      if (!(seconds >= 1 && seconds <= longestSeconds)) return { status: 400, text: 'Bad Request' };
      const token = randomUUID();
      this.#tokens.set(token, performance.now() + seconds * 1000);
      return { status: 200, text: token };
    }
    if (method !== 'GET') return { status: 405, text: 'Method Not Allowed' };
    const good = this.#tokens.get(String(headers['x-aws-ec2-metadata-token'])) ?? 0;
    if (good < performance.now()) return { status: 401, text: 'Unauthorized' };
    const text = this.#tree()[url.replace(/\/$/, '')];
    return text === undefined ? { status: 404, text: 'Not Found' } : { status: 200, text };
  }

  #tree(): Readonly<Record<string, string>> {
    const { id, type, zone } = this.#instance;
    const { region, account } = this.#cloud;
    const role = '/latest/meta-data/iam/security-credentials';
    return {
      '/latest/meta-data/instance-id': id,
      '/latest/meta-data/instance-type': type.name,
      '/latest/meta-data/placement/availability-zone': zone,
      '/latest/meta-data/placement/region': region,
      [role]: 'castle',
      [`${role}/castle`]: JSON.stringify({
        Code: 'Success',
        Type: 'AWS-HMAC',
        LastUpdated: new Date().toISOString(),
        AccessKeyId: 'ASIASIMULATOR',
        SecretAccessKey: 'simulator',
        Token: 'simulator',
        Expiration: new Date(Date.now() + longestSeconds * 1000).toISOString(),
      }),
      '/latest/dynamic/instance-identity/document': JSON.stringify({
        ...{ accountId: account, region, availabilityZone: zone, instanceId: id },
        ...{ instanceType: type.name, architecture: 'x86_64', version: '2017-09-30' },
      }),
    };
  }
}
