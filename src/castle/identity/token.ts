import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { RefusalError } from '../refusals/refusal.ts';

/**
 * What a token says. It is for one container, one volume and one castle, for a short time.
 */
const Claims = Type.Object({
  /** Unique; by this it is known whether the token was used. */
  id: Type.String(),
  /** The castle that made it; see TokenKey. */
  castle: Type.String(),
  /** The boot of the host: no container outlives it. */
  boot: Type.String(),
  /** The engine's id of the container. */
  container: Type.String(),
  /** Its first process, when it ran already: pid and start in clock ticks. */
  first: Type.Optional(Type.Object({ pid: Type.Integer(), startTicks: Type.String() })),
  volume: Type.String(),
  /** Counts from then, in milliseconds since 1970. */
  fromMs: Type.Integer(),
  /** And not from then on any more. */
  untilMs: Type.Integer(),
});
export type Claims = Static<typeof Claims>;

/** The format; another one gets another word. */
const format = 'castle1';

/** Longer than any right one, in characters. */
const longest = 2048;

/**
 * Writes a token: `castle1.CLAIMS.MAC`, the claims as JSON in base64url, the MAC an HMAC-SHA256 over all that is before
 * it. The castle that makes tokens is the only one who reads them, so there is no public key to have, and one algorithm
 * that no token can choose: what a library for JWT is careful about doesn't come up.
 * @param key 32 bytes
 */
export function writeToken(key: Buffer, claims: Claims): string {
  const said = `${format}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${said}.${macOf(key, said)}`;
}

/**
 * Reads a token, and believes nothing of it before the MAC is right.
 * @throws RefusalError not_permitted
 */
export function readToken(key: Buffer, text: string): Claims {
  const end = text.lastIndexOf('.');
  const [said, mac] = [text.slice(0, Math.max(end, 0)), text.slice(end + 1)];
  if (text.length > longest || !said.startsWith(`${format}.`) || !isSame(mac, macOf(key, said)))
    throw notOurs();
  const claims: unknown = JSON.parse(
    Buffer.from(said.slice(format.length + 1), 'base64url').toString('utf8'),
  );
  if (!Value.Check(Claims, claims)) throw notOurs();
  return claims;
}

const macOf = (key: Buffer, said: string): string =>
  createHmac('sha256', key).update(said).digest('base64url');

/** Compared as text: base64url has several spellings of the same bytes, and only ours is right. */
function isSame(given: string, right: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function notOurs(): RefusalError {
  return new RefusalError(
    'not_permitted',
    'the token was not made by this castle, or was changed',
    'make one on this host with castle token',
  );
}
