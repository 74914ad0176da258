import { isIPv4 } from 'node:net';

/**
 * What counts as one peer: an IPv4 address, or the /64 of an IPv6 one, which a single machine usually has as a whole.
 * @param address as Node's `remoteAddress`; IPv4 may be mapped into IPv6
 */
export function peerOf(address: string | undefined): string {
  if (address === undefined) return 'nobody';
  const [, mapped = address] = /^::ffff:([\d.]+)$/i.exec(address) ?? [];
  if (isIPv4(mapped)) return mapped;
  const [left = '', right] = (address.split('%')[0] ?? '').split('::');
  const [before, after] = [left, right ?? ''].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array(Math.max(0, 8 - (before?.length ?? 0) - (after?.length ?? 0))).fill('0');
  const groups = right === undefined ? (before ?? []) : [...(before ?? []), ...zeros, ...(after ?? [])];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
