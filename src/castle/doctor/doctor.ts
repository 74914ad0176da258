import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { native } from '../../linux/native-addon.ts';
import { errorMessage } from '../../terminal/failure.ts';
import type { BackendSettings } from '../backends/backend-settings.ts';
import { findMountProgram } from '../daemon/mount-program.ts';
import type { ServeSettings } from '../daemon/serve-settings.ts';
import { createMounter } from '../mounting/mounter.ts';
import { ebsFindings } from './ebs.ts';
import { engineFindings } from './engine.ts';
import { type Finding, missing, ok, warning } from './finding.ts';
import { backendFindings, socketFindings, stateFindings } from './folders.ts';
import { kernelFindings } from './kernel.ts';
import { loopFindings } from './loop.ts';
import { nfsFindings } from './nfs.ts';
import { permissionFindings } from './permissions.ts';
import { pluginFindings } from './plugin.ts';
import { snapshotFindings } from './snapshots.ts';
import { tlsFindings } from './tls.ts';
import { trialFindings } from './trial-mount.ts';

/**
 * Checks everything that a castle with these settings needs, without changing any of it.
 * @throws Failure config when a file that belongs beside the bundle is missing
 */
export async function examine(settings: ServeSettings): Promise<readonly Finding[]> {
  const folder = folderOf(settings.backend);
  return [
    ...(await kernelFindings(native())),
    ...permissionFindings(),
    ...(await trial(folder)),
    ...(await runtime(settings)),
    ...(await storageFindings(settings.backend)),
    ...(await snapshotFindings(settings, folder)),
    ...stateFindings(resolve(settings.state)),
    ...socketFindings(resolve(settings.socket)),
    ...(settings.tls === undefined ? [] : tlsFindings(settings.tls)),
    ...(settings.plugin === undefined ? [] : pluginFindings(resolve(settings.plugin))),
  ];
}

/** The folder that a backend uses on this host. */
function folderOf(backend: BackendSettings): string {
  switch (backend.name) {
    case 'local':
    case 'loop':
      return backend.folder;
    case 'ebs':
      return backend.dev;
    case 'nfs':
      return '/';
  }
}

/** Checks what the backend needs. */
async function storageFindings(backend: BackendSettings): Promise<readonly Finding[]> {
  switch (backend.name) {
    case 'local':
      return backendFindings(backend.folder);
    case 'loop':
      return [...backendFindings(backend.folder), ...(await loopFindings(backend.fileSystem))];
    case 'ebs':
      return ebsFindings(backend);
    case 'nfs':
      return nfsFindings(backend, findMountProgram());
  }
}

async function trial(folder: string): Promise<readonly Finding[]> {
  const mounter = createMounter(findMountProgram());
  try {
    return await trialFindings(native(), mounter, existsSync(folder) ? realpathSync(folder) : '/');
  } catch (thrown) {
    return [missing('mounting in a container', errorMessage(thrown), 'correct this first')];
  }
}

async function runtime({ runtime, dockerSocket }: ServeSettings): Promise<readonly Finding[]> {
  if (runtime === 'docker' || runtime === 'podman') return engineFindings(dockerSocket);
  if (runtime === 'process') {
    return [
      warning(
        'runtime process',
        'every container may use every volume',
        'outside development, use --runtime docker',
      ),
    ];
  }
  return [ok(`runtime ${runtime}`, 'not checked')];
}
