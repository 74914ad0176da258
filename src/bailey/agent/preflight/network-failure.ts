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
      `correct ${option}, or the network that this container is in`,
    );
  if (tls.test(code))
    return unavailable(`what listens on ${where} does not speak TLS`, 'is it http:// instead of https://?');
  if (code.startsWith('HPE_'))
    return unavailable(
      `what listens on ${where} does not speak HTTP`,
      'is it https:// instead of http://, or the agent port instead of the web interface?',
    );
  switch (code) {
    case 'ECONNREFUSED':
      return unavailable(
        `${where} refuses connections`,
        `start what should listen there, or correct ${option}`,
      );
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return unavailable(
        `there is no route to ${where} (${code})`,
        'look at the network that this container is in',
      );
    case 'ETIMEDOUT':
      return unavailable(
        `${where} does not answer: ${errorMessage(thrown)}`,
        `a firewall may be in between, or nothing: look at it, or correct ${option}`,
      );
    case 'ECONNRESET':
    case 'EPIPE':
      return unavailable(
        `${where} closes the connection without an answer`,
        'see whether something runs behind what listens there',
      );
    default:
      return unavailable(
        `${where} cannot be reached: ${code || errorMessage(thrown)}`,
        `look at it, or correct ${option}`,
      );
  }
}
