import type { PathLike } from 'node:fs';
import { readManifestAttribute } from '../../archive/manifest-attribute.ts';

/**
 * Returns the Plugin-Version in the manifest of a plug-in's archive.
 * @returns an empty string, older than every version, when the file is not an archive or has no version
 * @throws the system's error when the file cannot be read
 */
export const readPluginVersion = async (file: PathLike): Promise<string> =>
  boundedVersion((await readManifestAttribute(file, 'Plugin-Version')) ?? '');

/** Trims a version and limits its length, so that comparing stays cheap; real versions have less than 100 characters. */
export const boundedVersion = (text: string): string => text.slice(0, 512).trim();
