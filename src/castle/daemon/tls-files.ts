import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { errorMessage, Failure } from '../../terminal/failure.ts';

/** Where a castle listens for containers that have no socket of its, and with what; files are in PEM. */
export interface TlsSettings {
  /** `HOST:PORT` */
  readonly listen: string;
  /** The certificate, and those that lead to its authority. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Who connects must have a certificate of one of these authorities. */
  readonly clientCaFile?: string;
}

/** What is in the files. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  /** The certificate's last moment. */
  readonly validTo: Date;
}

/**
 * Reads the files, and makes sure that they belong together: a server would take them, and fail with each connection. A
 * certificate that has expired is taken: a castle has others to serve than those on the network.
 * @throws Failure config when one can't be read, or is not what it should be
 */
export function readTlsFiles({ certFile, keyFile, clientCaFile }: TlsSettings): TlsIdentity {
  const cert = read('--tls-cert', certFile);
  const key = read('--tls-key', keyFile);
  const certificate = understood('--tls-cert', certFile, 'certificate', () => new X509Certificate(cert));
  const secret = understood('--tls-key', keyFile, 'private key without a passphrase', () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(secret)) {
    throw new Failure(
      'config',
      `the key ${keyFile} does not belong to the first certificate in ${certFile}`,
      'give the key with which the certificate was asked for, and the certificate before those of its authorities',
    );
  }
  const ca = clientCaFile === undefined ? undefined : read('--tls-client-ca', clientCaFile);
  if (ca !== undefined && clientCaFile !== undefined) {
    understood('--tls-client-ca', clientCaFile, 'certificate', () => new X509Certificate(ca));
  }
  understood('--tls-cert', certFile, 'chain of certificates', () => createSecureContext({ cert, key, ca }));
  return { cert, key, ...(ca === undefined ? {} : { ca }), validTo: new Date(certificate.validTo) };
}

/** So long before its end a certificate is spoken of, in milliseconds: 14 days. */
const warnBeforeMs = 14 * 86_400_000;

/** What is to be said of a certificate's end; undefined while that is far off. */
export function ending(certFile: string, { validTo }: TlsIdentity): string | undefined {
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
      `${option} ${file} cannot be read: ${errorMessage(thrown)}`,
      'give another file',
    );
  }
}

function understood<T>(option: string, file: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    throw new Failure(
      'config',
      `${option} ${file} is no ${what}: ${errorMessage(thrown)}`,
      'give one in PEM',
    );
  }
}
