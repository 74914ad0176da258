import { readFileSync, type Stats, statSync } from 'node:fs';
import type { ReferenceConfig } from '../controller-config.ts';
import { type BytePath, below, withSuffix } from './byte-path.ts';
import type { ReferenceFile } from './list-reference-files.ts';
import { decidePlugin } from './plugin-rules.ts';
import { boundedVersion, readPluginVersion } from './plugin-version.ts';
import type { PluginVersionCache } from './plugin-version-cache.ts';

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

/** By what is decided. */
export interface PlanRequest {
  /** JENKINS_HOME, absolute. */
  readonly home: string;
  readonly reference: ReferenceConfig;
  readonly memory: PluginVersionCache;
}

interface Decided {
  readonly action: string;
  readonly reason: string;
  readonly notable: boolean;
  readonly marker?: string;
}

/** The marker file of a plug-in: which version an image installed last. */
export const markerOf = ({ target }: Pick<Plan, 'target'>): BytePath =>
  withSuffix(target, '.version_from_image');

/**
 * Decides about one reference file by the rule for its kind. Writes nothing.
 * @throws the system's error when one of the files that the rule asks for cannot be read
 */
export async function planFile(file: ReferenceFile, { home, reference, memory }: PlanRequest): Promise<Plan> {
  const target = below(home, file.place);
  // As in the official script .hpi files follow the plain rule: the plug-in manager never writes them any more.
  const { action, reason, notable, marker } =
    file.name.startsWith('plugins/') && file.name.endsWith('.jpi')
      ? await decideAboutPlugin(file, target, reference, memory)
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
  if (!file.override && statOf(target) !== undefined)
    return { action: 'SKIPPED', reason: '', notable: false };
  return { action: 'INSTALLED', reason: '', notable: true };
}

async function decideAboutPlugin(
  file: ReferenceFile,
  target: BytePath,
  reference: ReferenceConfig,
  memory: PluginVersionCache,
): Promise<Decided> {
  const image = await versionOf(file.path, file.stat, memory);
  const there = statOf(target);
  const installed = there && (await versionOf(target, there, memory));
  const marker = there && readMarker(markerOf({ target }), memory);
  const decision = decidePlugin({ image, installed, marker, override: file.override }, reference);
  return decision.action === 'SKIPPED' && !decision.adopt ? decision : { ...decision, marker: image };
}

/** Lets the next start know what has been put there: a version, and the same in a marker. */
export function cachePlacedVersions({ target, copy, marker }: Plan, memory: PluginVersionCache): void {
  if (marker === undefined) return;
  for (const path of [...(copy ? [target] : []), markerOf({ target })]) {
    const stat = statOf(path);
    if (stat !== undefined) memory.set(path, stat, marker);
  }
}

/** Nothing where `[ -e … ]` says so: a symlink that leads nowhere, too. */
const statOf = (path: BytePath): Stats | undefined => statSync(path, { throwIfNoEntry: false });

async function versionOf(path: BytePath, stat: Stats, memory: PluginVersionCache): Promise<string> {
  const known = memory.get(path, stat);
  if (known !== undefined) return known;
  const version = stat.isFile() ? await readPluginVersion(path) : ''; // a socket cannot even be opened
  memory.set(path, stat, version);
  return version;
}

function readMarker(path: BytePath, memory: PluginVersionCache): string | undefined {
  const stat = statOf(path);
  if (stat === undefined) return undefined;
  const known = memory.get(path, stat);
  if (known !== undefined) return known;
  if (!stat.isFile()) return ''; // builds may leave anything there; a pipe would wait for somebody who writes into it
  const marker = boundedVersion(readFileSync(path, 'utf8'));
  memory.set(path, stat, marker);
  return marker;
}
