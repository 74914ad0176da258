import type { IncomingMessage } from 'node:http';
import { Ec2Error } from './errors.ts';

/** Far above what a request with 1000 ids needs. */
const limit = 1 << 20;

/**
 * Reads what a request carries.
 * @throws Ec2Error RequestEntityTooLarge above 1 MiB
 */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > limit) throw new Ec2Error('RequestEntityTooLarge', 'The request is too large.', 413);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
