import { resolve } from 'node:path';
import { Failure } from '../../../terminal/failure.ts';
import { formatSize, parseSize } from '../../../terminal/size.ts';
import { ext4 } from '../../file-systems/ext4.ts';
import type { FileSystem } from '../../file-systems/file-system.ts';
import { findFileSystem } from '../../file-systems/types.ts';
import { checkRepeatedOptions } from '../check-repeated-options.ts';

/** The settings of the backend `loop`. */
export interface LoopSettings {
  /** The folder of the images; created when it does not exist, accessible to root only. */
  readonly folder: string;
  /** The file system of new volumes. */
  readonly fileSystem: FileSystem;
  /** The default size of a new volume, in bytes. */
  readonly sizeBytes: number;
}

/** The default size of a volume, in bytes. */
const defaultSizeBytes = 10 * 2 ** 30;

/**
 * Reads `DIR[,fs=TYPE][,size=SIZE]`.
 * @throws Failure usage
 */
export function parseLoop(setting: string): LoopSettings {
  const [folder = '', ...options] = setting.split(',');
  let settings: LoopSettings = { folder: resolve(folder), fileSystem: ext4, sizeBytes: defaultSizeBytes };
  checkRepeatedOptions(options);
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
