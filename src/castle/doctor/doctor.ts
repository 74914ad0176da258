import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { native } from '../../linux/native-addon.ts';
import { errorMessage } from '../../terminal/failure.ts';
import { type EbsSettings, parseEbs } from '../backends/ebs/settings.ts';
import { type NfsSettings, parseNfs } from '../backends/nfs/settings.ts';
import { parseLoop } from '../backends/parse-backend.ts';
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
 * @throws Failure config when a file that belongs beside the bundle is missing, usage when --backend is wrong
 */
export async function examine(settings: ServeSettings): Promise<readonly Finding[]> {
  const ebs = ebsOf(settings.backend);
  const nfs = nfsOf(settings.backend);
  const folder = nfs === undefined ? (ebs?.dev ?? folderOf(settings.backend)) : '/';
  return [
    ...(await kernelFindings(native())),
    ...permissionFindings(),
    ...(await trial(folder)),
    ...(await runtime(settings)),
    ...(ebs !== undefined
      ? await ebsFindings(ebs)
      : nfs !== undefined
        ? await nfsFindings(nfs, findMountProgram())
        : backendFindings(folder)),
    ...(await loop(settings.backend)),
    ...(await snapshotFindings(settings, folder)),
    ...stateFindings(resolve(settings.state)),
    ...socketFindings(resolve(settings.socket)),
    ...(settings.tls === undefined ? [] : tlsFindings(settings.tls)),
    ...(settings.plugin === undefined ? [] : pluginFindings(resolve(settings.plugin))),
  ];
}

/** Returns the folder in `NAME=DIR[,OPTION…]`. */
const folderOf = (backend: string): string =>
  resolve(backend.split('=').slice(1).join('=').split(',')[0] ?? '');

/** Returns the settings of the backend ebs, which has no folder; undefined for another backend. */
function ebsOf(backend: string): EbsSettings | undefined {
  const [, setting] = /^ebs(?:=(?!$)|(?=,)|$)(.*)$/.exec(backend) ?? [];
  return setting === undefined ? undefined : parseEbs(setting);
}

/** Returns the settings of the backend nfs; undefined for another backend. */
function nfsOf(backend: string): NfsSettings | undefined {
  const [, setting] = /^nfs=(.*)$/s.exec(backend) ?? [];
  return setting === undefined ? undefined : parseNfs(setting);
}

/** Checks what the backend loop needs besides its folder. Returns no findings for another backend. */
async function loop(backend: string): Promise<readonly Finding[]> {
  const [, setting] = /^loop=(.*)$/s.exec(backend) ?? [];
  return setting === undefined ? [] : loopFindings(parseLoop(setting).fileSystem);
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
