import { statSync } from 'node:fs';
import { Failure } from '../../terminal/failure.ts';
import { formatAddress } from '../api/listen-address.ts';
import { certificateExpiry, readTlsFiles, type TlsSettings } from '../api/tls-files.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** Checks what TLS needs: files that exist, belong together and do not expire soon. */
export function tlsFindings(settings: TlsSettings): readonly Finding[] {
  const { listen, certFile, keyFile } = settings;
  const what = `TLS on ${formatAddress(listen)}`;
  try {
    const identity = readTlsFiles(settings);
    const expiry = certificateExpiry(certFile, identity);
    if (expiry !== undefined) {
      const report = identity.validTo.getTime() > Date.now() ? warning : missing;
      return [report(what, expiry, 'renew it, then restart the castle; containers keep their mounts')];
    }
    if ((statSync(keyFile).mode & 0o077) !== 0) {
      return [warning(what, `other users can read the key ${keyFile}`, `run: chmod 600 ${keyFile}`)];
    }
    return [ok(what, `${certFile} is valid until ${identity.validTo.toISOString()}`)];
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return [missing(what, thrown.sentence, thrown.remedy ?? 'correct this first')];
  }
}
