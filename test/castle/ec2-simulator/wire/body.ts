import type { IncomingMessage } from 'node:http';
import { Ec2Error } from './errors.ts';

/** Far above the size of a request with 1000 ids. */
const limit = 1 << 20;

/**
 * Reads the body of a request.
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
