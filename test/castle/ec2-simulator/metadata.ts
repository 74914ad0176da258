import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cloud, Instance } from './cloud/cloud.ts';

/** The longest validity of a token, from the EC2 User Guide: six hours. */
const longestSeconds = 21_600;

/**
 * The metadata service of an instance, version 2: `PUT /latest/api/token` gives a token, which every other request needs.
 * On a real instance the address is 169.254.169.254; here each instance has its own port.
 */
export class Metadata {
  readonly #cloud: Cloud;
  readonly #instance: Instance;
  /** When each token expires. */
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
    // The real service refuses forwarded requests as well, so that a client of an open proxy gets no token.
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
