import { readFileSync, type Stats, statSync } from 'node:fs';
import type { ReferenceConfig } from '../controller-config.ts';
import { type BytePath, below, withSuffix } from './byte-path.ts';
import type { ReferenceFile } from './list-reference-files.ts';
import { decidePlugin } from './plugin-rules.ts';
import { boundedVersion, readPluginVersion } from './plugin-version.ts';
import type { PluginVersionCache } from './plugin-version-cache.ts';

/** The decision about one reference file. */
export interface Plan {
  readonly file: ReferenceFile;
  /** Absolute path below JENKINS_HOME. */
  readonly target: BytePath;
  /** Whether to copy the file to the target. */
  readonly copy: boolean;
  /** The version to write to the marker file of a plug-in that is managed by the image from now on. */
  readonly marker?: string;
  /** The line for the log; undefined: none. */
  readonly line: string | undefined;
}

/** The input of {@link planFile}. */
export interface PlanRequest {
  /** JENKINS_HOME, absolute. */
  readonly home: string;
  readonly reference: ReferenceConfig;
  readonly cache: PluginVersionCache;
}

interface FileDecision {
  readonly action: string;
  readonly reason: string;
  readonly notable: boolean;
  readonly marker?: string;
}

/** Returns the marker file of a plug-in, which contains the version that an image installed last. */
export const markerOf = ({ target }: Pick<Plan, 'target'>): BytePath =>
  withSuffix(target, '.version_from_image');

/**
 * Decides about one reference file by the rule for its type. Writes nothing.
 * @throws the system's error when a file that the rule needs cannot be read
 */
export async function planFile(file: ReferenceFile, { home, reference, cache }: PlanRequest): Promise<Plan> {
  const target = below(home, file.place);
  // As in the official script, .hpi files follow the rule for other files: the plug-in manager no longer writes them.
  const { action, reason, notable, marker } =
    file.name.startsWith('plugins/') && file.name.endsWith('.jpi')
      ? await decidePluginFile(file, target, reference, cache)
      : decideOtherFile(file, target);
  const inLog = notable || reference.verbose;
  return {
    file,
    target,
    copy: action !== 'SKIPPED',
    ...(marker === undefined ? {} : { marker }),
    line: inLog ? `${action} ${file.name}${reason === '' ? '' : ` : ${reason}`}` : undefined,
  };
}

function decideOtherFile(file: ReferenceFile, target: BytePath): FileDecision {
  if (!file.override && statOf(target) !== undefined)
    return { action: 'SKIPPED', reason: '', notable: false };
  return { action: 'INSTALLED', reason: '', notable: true };
}

async function decidePluginFile(
  file: ReferenceFile,
  target: BytePath,
  reference: ReferenceConfig,
  cache: PluginVersionCache,
): Promise<FileDecision> {
  const image = await versionOf(file.path, file.stat, cache);
  const targetStat = statOf(target);
  const installed = targetStat && (await versionOf(target, targetStat, cache));
  const marker = targetStat && readMarker(markerOf({ target }), cache);
  const decision = decidePlugin({ image, installed, marker, override: file.override }, reference);
  return decision.action === 'SKIPPED' && !decision.adopt ? decision : { ...decision, marker: image };
}

/** Adds the versions of the files that a plan has written to the cache, for the next start. */
export function cachePlacedVersions({ target, copy, marker }: Plan, cache: PluginVersionCache): void {
  if (marker === undefined) return;
  for (const path of [...(copy ? [target] : []), markerOf({ target })]) {
    const stat = statOf(path);
    if (stat !== undefined) cache.set(path, stat, marker);
  }
}

/** Undefined for a missing file or a dangling symlink, like `[ -e … ]` in the official script. */
const statOf = (path: BytePath): Stats | undefined => statSync(path, { throwIfNoEntry: false });

async function versionOf(path: BytePath, stat: Stats, cache: PluginVersionCache): Promise<string> {
  const known = cache.get(path, stat);
  if (known !== undefined) return known;
  const version = stat.isFile() ? await readPluginVersion(path) : ''; // a socket cannot be opened
  cache.set(path, stat, version);
  return version;
}

function readMarker(path: BytePath, cache: PluginVersionCache): string | undefined {
  const stat = statOf(path);
  if (stat === undefined) return undefined;
  const known = cache.get(path, stat);
  if (known !== undefined) return known;
  if (!stat.isFile()) return ''; // builds may create anything there; opening a pipe would block until it has a writer
  const marker = boundedVersion(readFileSync(path, 'utf8'));
  cache.set(path, stat, marker);
  return marker;
}
