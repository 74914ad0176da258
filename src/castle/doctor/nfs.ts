import { readFileSync } from 'node:fs';
import { errorMessage } from '../../terminal/failure.ts';
import { NfsExport } from '../backends/nfs/export.ts';
import { NoNfsClientError } from '../backends/nfs/refusals.ts';
import { defaultPort, type NfsSettings } from '../backends/nfs/settings.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { type Finding, missing, ok } from './finding.ts';

/**
 * Checks what the backend nfs needs: the kernel's NFS client, and a server that lets this host mount the export. The export is
 * mounted for a moment, detached: in no mount namespace.
 */
export async function nfsFindings(settings: NfsSettings, mountProgram: string): Promise<readonly Finding[]> {
  const server = `${settings.host}:${settings.path}`;
  try {
    await new NfsExport(settings, mountProgram).run(['kind', '.']);
    return [client(), ok('NFS server', `answers, and lets this host mount ${server}`)];
  } catch (thrown) {
    if (thrown instanceof NoNfsClientError) return [missing('NFS client', thrown.sentence, thrown.remedy)];
    const port =
      settings.options.find((option) => option.startsWith('port='))?.slice('port='.length) ?? defaultPort;
    const found = thrown instanceof RefusalError ? thrown.sentence : `${server}: ${errorMessage(thrown)}`;
    const remedy = thrown instanceof RefusalError ? thrown.remedy : 'check the server and its log';
    return [client(), missing('NFS server', `${found} (TCP port ${port})`, remedy)];
  }
}

function client(): Finding {
  const isThere = readFileSync('/proc/filesystems', 'utf8').split('\n').includes('nodev\tnfs4');
  return isThere
    ? ok('NFS client', 'the kernel has one')
    : missing('NFS client', 'the kernel has none', 'load the module nfsv4, or boot a kernel with it');
}
