import { isIPv4 } from 'node:net';

/**
 * Returns the key by which connections are limited per peer: the IPv4 address, or the /64 prefix of an IPv6 address, because one
 * machine usually has a whole /64.
 * @param address Node's `remoteAddress`; an IPv4 address may be mapped into IPv6
 */
export function peerOf(address: string | undefined): string {
  if (address === undefined) return 'an unknown address';
  const [, mapped = address] = /^::ffff:([\d.]+)$/i.exec(address) ?? [];
  if (isIPv4(mapped)) return mapped;
  const [left = '', right] = (address.split('%')[0] ?? '').split('::');
  const [before, after] = [left, right ?? ''].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array(Math.max(0, 8 - (before?.length ?? 0) - (after?.length ?? 0))).fill('0');
  const groups = right === undefined ? (before ?? []) : [...(before ?? []), ...zeros, ...(after ?? [])];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
