import type { IncomingHttpHeaders } from 'node:http';
import { Ec2Error } from './errors.ts';

/** The tolerance for a request's clock: five minutes, from the documentation of AWS Signature Version 4. */
const tolerance = 5 * 60_000;

/**
 * Checks the Signature Version 4 of a request: it must exist, be of today, for the service ec2 and this region, and
 * cover the required headers. The signature itself is not verified, since the SDK always sends a correct one.
 * @param now the time of the service, in milliseconds
 * @throws Ec2Error with the codes of EC2
 */
export function checkSignature(headers: IncomingHttpHeaders, region: string, now: number): void {
  const { authorization } = headers;
  if (authorization === undefined) {
    throw new Ec2Error('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
  }
  const [, credential, signed, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? [];
  const [key, date, scope, service, end] = credential?.split('/') ?? [];
  if (key === undefined || signed === undefined || signature === undefined || end !== 'aws4_request') {
    throw new Ec2Error('IncompleteSignature', 'The Authorization header is not one of AWS4-HMAC-SHA256.');
  }
  if (service !== 'ec2' || scope !== region) {
    throw new Ec2Error(
      'AuthFailure',
      `Credential should be scoped to a valid region and service: ${region}/ec2, not ${scope}/${service}.`,
      401,
    );
  }
  const names = signed.split(';');
  if (!names.includes('host') || !names.includes('x-amz-date')) {
    throw new Ec2Error('IncompleteSignature', "'host' and 'x-amz-date' must be signed headers.");
  }
  const sent = timeOf(String(headers['x-amz-date']));
  if (sent === undefined || !String(headers['x-amz-date']).startsWith(String(date))) {
    throw new Ec2Error(
      'IncompleteSignature',
      "The 'x-amz-date' header is not a time of the credential's day.",
    );
  }
  if (Math.abs(now - sent) > tolerance) {
    throw new Ec2Error(
      'RequestExpired',
      `Request has expired. Timestamp date is ${new Date(sent).toISOString()}.`,
    );
  }
}

/** `20260131T235959Z` in milliseconds. */
function timeOf(text: string): number | undefined {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  if (parts.length === 0) return undefined;
  const [year, month, day, hour, minute, second] = parts.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
