import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import type { Address } from './listen-address.ts';

/** The TLS address of a castle, and the paths of its PEM files. */
export interface TlsSettings {
  readonly listen: Address;
  /** The certificate, followed by its intermediate certificates. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Clients must have a certificate of one of these authorities; undefined: clients need none. */
  readonly clientCaFile: string | undefined;
}

/** The content of the files. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  /** When the certificate expires. */
  readonly validTo: Date;
}

/**
 * Reads the files and checks that the key belongs to the certificate: otherwise the server would start, and each connection
 * would fail. An expired certificate is accepted, because the castle also serves containers without TLS.
 * @throws Failure config when a file cannot be read or is wrong
 */
export function readTlsFiles({ certFile, keyFile, clientCaFile }: TlsSettings): TlsIdentity {
  const cert = read('--tls-cert', certFile);
  const key = read('--tls-key', keyFile);
  const certificate = parseFile('--tls-cert', certFile, 'a certificate', () => new X509Certificate(cert));
  const secret = parseFile('--tls-key', keyFile, 'a private key without a passphrase', () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(secret)) {
    throw new Failure(
      'config',
      `the key ${keyFile} does not belong to the first certificate in ${certFile}`,
      'use the key of that certificate, and put the certificate before its intermediate certificates',
    );
  }
  const ca = clientCaFile === undefined ? undefined : read('--tls-client-ca', clientCaFile);
  if (ca !== undefined && clientCaFile !== undefined) {
    parseFile('--tls-client-ca', clientCaFile, 'a certificate', () => new X509Certificate(ca));
  }
  parseFile('--tls-cert', certFile, 'a chain of certificates', () => createSecureContext({ cert, key, ca }));
  return { cert, key, ca, validTo: new Date(certificate.validTo) };
}

/** How long before its expiry a certificate is reported, in milliseconds: 14 days. */
const warnBeforeMs = 14 * 86_400_000;

/** Returns a message about the certificate's expiry; undefined while the expiry is more than 14 days away. */
export function certificateExpiry(
  certFile: string,
  { validTo }: Pick<TlsIdentity, 'validTo'>,
): string | undefined {
  const leftMs = validTo.getTime() - Date.now();
  if (leftMs > warnBeforeMs) return undefined;
  return `the certificate ${certFile} ${leftMs > 0 ? 'expires' : 'has expired'} on ${validTo.toISOString()}`;
}

function read(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new Failure(
      'config',
      `cannot read ${option} ${file}: ${errorMessage(thrown)}`,
      'correct the path or its permissions',
    );
  }
}

function parseFile<T>(option: string, file: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    throw new Failure(
      'config',
      `${option} ${file} is not ${what}: ${errorMessage(thrown)}`,
      'give a file in PEM format',
    );
  }
}
