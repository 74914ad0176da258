import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { RefusalError } from '../refusals/refusal.ts';

/** The claims of a token. It is valid for one container, one volume and one castle, for a short time. */
const Claims = Type.Object({
  /** The unique id of the token, by which the store records the use of the token. */
  id: Type.String(),
  /** The castle that created it; see TokenKey. */
  castle: Type.String(),
  /** The boot id of the host: a container does not outlive a boot. */
  boot: Type.String(),
  /** The engine's id of the container. */
  container: Type.String(),
  /** The first process of the container, if it was running: pid, and start time in clock ticks. */
  first: Type.Optional(Type.Object({ pid: Type.Integer(), startTicks: Type.String() })),
  volume: Type.String(),
  /** Valid from this time, in milliseconds since 1970. */
  fromMs: Type.Integer(),
  /** Valid until this time, in milliseconds since 1970. */
  untilMs: Type.Integer(),
});
export type Claims = Static<typeof Claims>;

/** The version of the format. */
const format = 'castle1';

/** Longer than any valid token, in characters. */
const longest = 2048;

/**
 * Writes a token: `castle1.CLAIMS.MAC`. The claims are JSON in base64url; the MAC is an HMAC-SHA256 of everything before it. Only
 * the castle that creates tokens reads them, so a public key is not needed; and the algorithm is fixed, so that a token cannot
 * choose a weaker one, which is the risk of JWT.
 * @param key 32 bytes
 */
export function writeToken(key: Buffer, claims: Claims): string {
  const signed = `${format}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${signed}.${macOf(key, signed)}`;
}

/**
 * Reads a token. The claims are parsed only after the MAC was verified.
 * @throws RefusalError not_permitted
 */
export function readToken(key: Buffer, text: string): Claims {
  const end = text.lastIndexOf('.');
  const [signed, mac] = [text.slice(0, Math.max(end, 0)), text.slice(end + 1)];
  if (text.length > longest || !signed.startsWith(`${format}.`) || !isSame(mac, macOf(key, signed)))
    throw invalidToken();
  const claims: unknown = JSON.parse(
    Buffer.from(signed.slice(format.length + 1), 'base64url').toString('utf8'),
  );
  if (!Value.Check(Claims, claims)) throw invalidToken();
  return claims;
}

const macOf = (key: Buffer, signed: string): string =>
  createHmac('sha256', key).update(signed).digest('base64url');

/** Compares as text, in constant time. Several texts in base64url decode to the same bytes; only the canonical one is accepted. */
function isSame(given: string, right: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function invalidToken(): RefusalError {
  return new RefusalError(
    'not_permitted',
    'the token was not created by this castle, or was changed',
    'create one on this host with castle token',
  );
}
