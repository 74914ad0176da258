import { statSync } from 'node:fs';
import { Failure } from '../../terminal/failure.ts';
import { ending, readTlsFiles, type TlsSettings } from '../daemon/tls-files.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** What listening over TLS needs: files that are there, belong together, and are good for some time. */
export function tlsFindings(settings: TlsSettings): readonly Finding[] {
  const { listen, certFile, keyFile } = settings;
  const what = `TLS on ${listen}`;
  try {
    const identity = readTlsFiles(settings);
    const end = ending(certFile, identity);
    if (end !== undefined) {
      const emit = identity.validTo.getTime() > Date.now() ? warning : missing;
      return [emit(what, end, 'renew it, then start the castle again; containers keep their mounts')];
    }
    if ((statSync(keyFile).mode & 0o077) !== 0) {
      return [warning(what, `the key ${keyFile} may be read by others`, `chmod 600 ${keyFile}`)];
    }
    return [ok(what, `${certFile}, until ${identity.validTo.toISOString()}`)];
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return [missing(what, thrown.sentence, thrown.remedy ?? 'see to that first')];
  }
}
