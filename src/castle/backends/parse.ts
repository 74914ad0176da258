import { resolve } from 'node:path';
import { Failure } from '../../failure.ts';
import type { Mounter } from '../mount.ts';
import type { Backend } from './backend.ts';
import { directoriesBackend } from './directories.ts';
import { localDirectories } from './local.ts';

/** How each backend is made from what stands behind the `=`. Adding a backend is a file and a line here. */
const backends: Record<string, (setting: string, mounter: Mounter) => Promise<Backend>> = {
  local: async (folder, mounter) => directoriesBackend(await localDirectories(resolve(folder)), mounter),
};

/**
 * Makes the backend that `--backend NAME=SETTING` names.
 * @throws Failure usage when there is no such backend or no setting
 */
export async function parseBackend(text: string, mounter: Mounter): Promise<Backend> {
  const [name = '', ...rest] = text.split('=');
  const setting = rest.join('=');
  const make = Object.hasOwn(backends, name) ? backends[name] : undefined;
  if (make === undefined || setting === '') {
    throw new Failure('usage', `--backend ${JSON.stringify(text)} is not a backend`, 'use local=DIR');
  }
  return make(setting, mounter);
}
