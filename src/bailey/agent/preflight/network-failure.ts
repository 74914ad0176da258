import { errorCode, errorMessage, Failure } from '../../../terminal/failure.ts';

const dns = /^(ENOTFOUND|EAI_\w+|ENODATA|ESERVFAIL|ETIMEOUT)$/;
const tls = /^(EPROTO|ERR_SSL_\w+)$/;
/** Messages of OpenSSL for a peer that does not speak TLS; Node's code is EPROTO for all of them. */
const notTls = /wrong version number|packet length too long|http request|record layer failure/i;

/** Whether an error means an untrusted certificate: OpenSSL's codes, and Node's own for a wrong host name. */
export const isCertificateError = (thrown: unknown): boolean =>
  /^(ERR_TLS_CERT_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA|PATH_LENGTH_|HOSTNAME_)/.test(
    errorCode(thrown) ?? '',
  );

/**
 * Whether java may succeed where Node fails: TLS, where they differ in ciphers, keys and client certificates; headers,
 * where Node is stricter; and oversized responses.
 */
export function isNodeOnlyError(thrown: unknown): boolean {
  const code = errorCode(thrown) ?? '';
  if (tls.test(code)) return !notTls.test(errorMessage(thrown));
  return code === 'EMSGSIZE' || /^(HPE_(?!INVALID_CONSTANT)|ERR_)/.test(code);
}

/**
 * Explains a failed connection or a missing response.
 * @param option the option that names the host: `-url`, `-tunnel` or `-direct`
 * @param host the host, an IPv6 address without brackets
 */
export function networkFailure(option: string, host: string, port: number, thrown: unknown): Failure {
  const code = errorCode(thrown) ?? '';
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const unavailable = (sentence: string, remedy: string): Failure =>
    new Failure('unavailable', sentence, remedy, { cause: thrown });
  if (dns.test(code))
    return unavailable(
      code === 'ENOTFOUND'
        ? `DNS has no entry for host ${host}`
        : `DNS lookup of host ${host} failed (${code})`,
      `correct ${option}, or the network of this container`,
    );
  if (tls.test(code))
    return unavailable(
      `the server on ${where} does not use TLS`,
      `correct ${option}: a server without TLS needs http://`,
    );
  if (code.startsWith('HPE_'))
    return unavailable(
      `the server on ${where} does not speak HTTP`,
      `correct ${option}: a server with TLS needs https://, and the port is that of the web interface, not the agent port`,
    );
  switch (code) {
    case 'ECONNREFUSED':
      return unavailable(`${where} refuses connections`, `start the server there, or correct ${option}`);
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return unavailable(`there is no route to ${where} (${code})`, 'check the network of this container');
    case 'ETIMEDOUT':
      return unavailable(
        `${where} does not answer: ${errorMessage(thrown)}`,
        `check the firewalls and the host, or correct ${option}`,
      );
    case 'ECONNRESET':
    case 'EPIPE':
      return unavailable(
        `${where} closes the connection without an answer`,
        'check the server behind that port',
      );
    default:
      return unavailable(
        `${where} cannot be reached: ${code || errorMessage(thrown)}`,
        `check the network, or correct ${option}`,
      );
  }
}
