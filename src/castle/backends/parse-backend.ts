import { resolve } from 'node:path';
import type { Native } from '../../linux/native-addon.ts';
import { Failure } from '../../terminal/failure.ts';
import { formatSize, parseSize } from '../../terminal/size.ts';
import type { OnEc2Call } from '../aws/ec2-client.ts';
import type { EmitEvent } from '../events/event.ts';
import { ext4 } from '../file-systems/ext4.ts';
import { findFileSystem } from '../file-systems/types.ts';
import type { Mounter } from '../mounting/mounter.ts';
import type { ReplayJournal } from '../mounting/replay-journal.ts';
import type { Backend } from './backend.ts';
import { ebsBackend } from './ebs/backend.ts';
import { parseEbs } from './ebs/settings.ts';
import { localBackend } from './local/backend.ts';
import { type LoopSettings, loopBackend } from './loop/backend.ts';
import { nfsBackend } from './nfs/backend.ts';
import { parseNfs } from './nfs/settings.ts';

export interface BackendDeps {
  readonly mounter: Mounter;
  readonly native: Native;
  readonly replay: ReplayJournal;
  /** The path of castle-mount. */
  readonly mountProgram: string;
  /** The state folder; created when it does not exist. */
  readonly state: string;
  readonly emit: EmitEvent;
  /** Called after each attempt of each EC2 API call. */
  readonly onEc2Call: OnEc2Call;
}

/** The default size of a volume, in bytes. */
const defaultSizeBytes = 10 * 2 ** 30;

/**
 * The backends by name: each function creates one from the text after the `=`. backend.ts defines what a backend has to
 * implement.
 */
const backends: Record<string, (setting: string, deps: BackendDeps) => Promise<Backend>> = {
  local: (folder, { mounter }) => localBackend(resolve(folder), mounter),
  loop: (setting, deps) => loopBackend(parseLoop(setting), deps),
  ebs: (setting, deps) => ebsBackend(parseEbs(setting), deps),
  nfs: (setting, deps) => nfsBackend(parseNfs(setting), deps),
};

/**
 * Creates the backend of `--backend NAME=SETTING`.
 * @throws Failure usage for an unknown backend or a wrong setting; cannotCreate, config
 */
export async function parseBackend(text: string, deps: BackendDeps): Promise<Backend> {
  // All options of `ebs` come after a comma, because it has no mandatory setting.
  const [, name = '', setting = ''] = /^([a-z]+)(?:=(?!$)|(?=,)|$)(.*)$/.exec(text) ?? [];
  const make = Object.hasOwn(backends, name) ? backends[name] : undefined;
  if (make === undefined || (setting === '' && name !== 'ebs')) {
    throw new Failure(
      'usage',
      `--backend ${JSON.stringify(text)} is not a backend`,
      'use local=DIR, loop=DIR[,fs=ext4|xfs][,size=10G], nfs=HOST:/EXPORT[,OPTION…] or ebs[=ZONE][,size=10G]',
    );
  }
  return make(setting, deps);
}

/**
 * Reads `DIR[,fs=TYPE][,size=SIZE]`.
 * @throws Failure usage
 */
export function parseLoop(setting: string): LoopSettings {
  const [folder = '', ...options] = setting.split(',');
  let settings: LoopSettings = { folder: resolve(folder), fileSystem: ext4, sizeBytes: defaultSizeBytes };
  for (const option of options) settings = { ...settings, ...parseLoopOption(option) };
  const { fileSystem, sizeBytes } = settings;
  if (folder === '') throw wrong('loop needs a folder', 'use loop=DIR');
  if (sizeBytes < fileSystem.leastBytes) {
    throw wrong(
      `${formatSize(sizeBytes)} is too small for ${fileSystem.name}`,
      `use size=${formatSize(fileSystem.leastBytes)} or more`,
    );
  }
  return settings;
}

function parseLoopOption(option: string): Partial<LoopSettings> {
  const [name, value = ''] = option.split('=');
  const fileSystem = name === 'fs' ? findFileSystem(value) : undefined;
  if (fileSystem !== undefined) return { fileSystem };
  const sizeBytes = name === 'size' ? parseSize(value) : undefined;
  if (sizeBytes !== undefined) return { sizeBytes };
  throw wrong(
    `loop has no option ${JSON.stringify(option)}`,
    'use fs=ext4, fs=xfs, or size= with a number and K, M, G or T',
  );
}

const wrong = (sentence: string, remedy: string): Failure =>
  new Failure('usage', `--backend: ${sentence}`, remedy);
