import { closeSync, constants, openSync, readFileSync, statSync } from 'node:fs';
import type { ReferenceConfig } from '../environment.ts';
import { type BytePath, below, withSuffix } from './byte-path.ts';
import type { ReferenceFile } from './list-files.ts';
import { decidePlugin } from './plugin-rules.ts';
import { readPluginVersion } from './plugin-version.ts';

/** What is to be done about one reference file. */
export interface Plan {
  readonly file: ReferenceFile;
  /** Absolute path below JENKINS_HOME. */
  readonly target: BytePath;
  /** Whether the file is to be put there. */
  readonly copy: boolean;
  /** A plug-in that comes from an image from now on: the version for its marker file. */
  readonly marker?: string;
  /** The line for the log, if it is to have one. */
  readonly line: string | undefined;
}

interface Decided {
  readonly action: string;
  readonly reason: string;
  readonly notable: boolean;
  readonly marker?: string;
}

export const markerSuffix = '.version_from_image';
export const pinnedSuffix = '.pinned';

/**
 * Decides about one reference file by the rule for its kind. Writes nothing.
 * @throws the system's error when one of the files that the rule asks for cannot be read
 */
export async function planFile(file: ReferenceFile, home: string, reference: ReferenceConfig): Promise<Plan> {
  const target = below(home, file.place);
  // As in the official script .hpi files follow the plain rule: the plug-in manager never writes them any more.
  const { action, reason, notable, marker } =
    file.name.startsWith('plugins/') && file.name.endsWith('.jpi')
      ? await decideAboutPlugin(file, target, reference)
      : decideAboutPlain(file, target);
  const inLog = notable || reference.verbose;
  return {
    file,
    target,
    copy: action !== 'SKIPPED',
    ...(marker === undefined ? {} : { marker }),
    line: inLog ? `${action} ${file.name}${reason === '' ? '' : ` : ${reason}`}` : undefined,
  };
}

function decideAboutPlain(file: ReferenceFile, target: BytePath): Decided {
  if (!file.override && isThere(target)) return { action: 'SKIPPED', reason: '', notable: false };
  return { action: 'INSTALLED', reason: '', notable: true };
}

async function decideAboutPlugin(
  file: ReferenceFile,
  target: BytePath,
  reference: ReferenceConfig,
): Promise<Decided> {
  const image = await readPluginVersion(file.path);
  const isInstalled = isThere(target);
  const installed = isInstalled ? await readPluginVersion(target) : undefined;
  const marker = isInstalled ? readMarker(withSuffix(target, markerSuffix)) : undefined;
  const decision = decidePlugin({ image, installed, marker, override: file.override }, reference);
  return decision.action === 'SKIPPED' && !decision.adopt ? decision : { ...decision, marker: image };
}

/** As `[ -e … ]`: a symlink that leads nowhere is nothing. */
function isThere(path: BytePath): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function readMarker(path: BytePath): string | undefined {
  if (!isThere(path)) return undefined;
  // Builds may have left a pipe there: opened in the ordinary way it would wait for somebody who writes into it.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readFileSync(fd, 'utf8').trim();
  } finally {
    closeSync(fd);
  }
}
