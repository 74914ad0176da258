import { isIPv6 } from 'node:net';
import { Failure } from '../../terminal/failure.ts';

/** A TCP address to listen on. */
export interface Address {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

/**
 * Reads `HOST:PORT`, IPv6 in brackets.
 * @param option for the message, as in `--listen`
 * @throws Failure usage
 */
export function parseAddress(option: string, address: string): Address {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535 || (bracketed !== undefined && !isIPv6(bracketed))) {
    throw new Failure(
      'usage',
      `${option} ${JSON.stringify(address)} is not HOST:PORT`,
      'write for example 127.0.0.1:9464 or [::1]:9464',
    );
  }
  return { host, port };
}

/** Formats an address as `HOST:PORT`, IPv6 in brackets. */
export const formatAddress = ({ host, port }: Address): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;
