import { resolve } from 'node:path';
import type { Native } from '../../linux/native-addon.ts';
import { Failure } from '../../terminal/failure.ts';
import { formatSize, parseSize } from '../../terminal/size.ts';
import type { Told } from '../aws/ec2-client.ts';
import type { Say } from '../events/event.ts';
import { ext4 } from '../file-systems/ext4.ts';
import { findType } from '../file-systems/types.ts';
import type { Mounter } from '../mounting/mounter.ts';
import type { ReplayJournal } from '../mounting/replay-journal.ts';
import type { Backend } from './backend.ts';
import { blocksBackend } from './blocks.ts';
import { directoriesBackend } from './directories.ts';
import { ebsBlocks } from './ebs/ebs.ts';
import { parseEbs } from './ebs/settings.ts';
import { localDirectories } from './local/local.ts';
import { type LoopSettings, loopBlocks } from './loop/loop.ts';
import { loopReport } from './loop/loop-device-report.ts';
import { loopSnapshots } from './loop/loop-snapshots.ts';
import { nfsBackend } from './nfs/nfs.ts';
import { parseNfs } from './nfs/nfs-settings.ts';

/** What backends are made with. */
export interface BackendMeans {
  readonly mounter: Mounter;
  readonly native: Native;
  readonly replay: ReplayJournal;
  /** Path of castle-mount. */
  readonly mountProgram: string;
  /** The castle's folder of what it must not forget; made when it isn't there. */
  readonly state: string;
  /** Tells people what happened, in one line. */
  readonly say: Say;
  /** Told of each call of a cloud's API. */
  readonly told: Told;
}

/** How large a volume is when nobody says so, in bytes. */
const usualSizeBytes = 10 * 2 ** 30;

/** How each backend is made from what stands behind the `=`. Adding a backend is a file and a line here. */
const backends: Record<string, (setting: string, means: BackendMeans) => Promise<Backend>> = {
  local: async (folder, { mounter }) => directoriesBackend(await localDirectories(resolve(folder)), mounter),
  async loop(setting, { mounter, native, replay, say }) {
    const blocks = await loopBlocks(parseLoop(setting), native);
    const snapshots = loopSnapshots({ base: blocks.base, native, replay });
    const devices = async () => loopReport(blocks.base);
    return { ...blocksBackend(blocks, mounter, say), snapshots, strays: snapshots.strays, devices };
  },
  async ebs(setting, { mounter, native, replay, say, told }) {
    const { blocks, besides } = await ebsBlocks(parseEbs(setting), { native, replay, say, told });
    return { ...blocksBackend(blocks, mounter, say), ...besides };
  },
  nfs: (setting, means) => nfsBackend(parseNfs(setting), means),
};

/**
 * Makes the backend that `--backend NAME=SETTING` names.
 * @throws Failure usage when there is no such backend or its setting is wrong; cannotCreate, config
 */
export async function parseBackend(text: string, means: BackendMeans): Promise<Backend> {
  // All of ebs' options come after a comma, since it needs none.
  const [, name = '', setting = ''] = /^([a-z]+)(?:=(?!$)|(?=,)|$)(.*)$/.exec(text) ?? [];
  const make = Object.hasOwn(backends, name) ? backends[name] : undefined;
  if (make === undefined || (setting === '' && name !== 'ebs')) {
    throw new Failure(
      'usage',
      `--backend ${JSON.stringify(text)} is not a backend`,
      'use local=DIR, loop=DIR[,fs=ext4|xfs][,size=10G], nfs=HOST:/EXPORT[,OPTION…] or ebs[=ZONE][,size=10G]',
    );
  }
  return make(setting, means);
}

/**
 * Reads `DIR[,fs=TYPE][,size=SIZE]`.
 * @throws Failure usage
 */
export function parseLoop(setting: string): LoopSettings {
  const [folder = '', ...options] = setting.split(',');
  let settings: LoopSettings = { folder: resolve(folder), fileSystem: ext4, sizeBytes: usualSizeBytes };
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
  const fileSystem = name === 'fs' ? findType(value) : undefined;
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
