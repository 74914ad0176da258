import type { PathLike } from 'node:fs';
import { readManifestAttribute } from '../../archive/manifest-attribute.ts';

/**
 * The Plugin-Version in the manifest of a plug-in's archive.
 * @returns an empty string when the file is no archive or its manifest says nothing: older than every version
 * @throws the system's error when the file cannot be read
 */
export const readPluginVersion = async (file: PathLike): Promise<string> =>
  boundedVersion((await readManifestAttribute(file, 'Plugin-Version')) ?? '');

/** A version without what surrounds it, and not longer than is easily compared; no release has a hundred characters. */
export const boundedVersion = (text: string): string => text.slice(0, 512).trim();
