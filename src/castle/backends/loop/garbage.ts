import { existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Native } from '../../../linux/native-addon.ts';
import type { Stray } from '../../housekeeping/stray.ts';
import { isLocked } from './image-lock.ts';
import { listUnfinishedImages, prototypeEnding } from './images.ts';

/** What is younger, in milliseconds, may have been made a moment ago and have no lock yet. */
const youngMs = 60_000;

/** Images, and what they are made after, that no castle and no tool works on any more. */
export function findUnfinishedImages(base: string, native: Native): readonly Stray[] {
  const isStray = (path: string): boolean => {
    const image = path.endsWith(prototypeEnding) ? path.slice(0, -prototypeEnding.length) : path;
    return (
      isOld(path) &&
      (!existsSync(image) || (isOld(image) && !isLocked(native, { path: image, volume: image })))
    );
  };
  return listUnfinishedImages(base)
    .filter(isStray)
    .map((path) => unfinishedFile(path, () => existsSync(path) && isStray(path)));
}

/** Something that a creation left behind. @param isStray looks once more */
export const unfinishedFile = (path: string, isStray: () => boolean): Stray => ({
  kind: 'file',
  name: path,
  reason: 'what was being made there was given up',
  async remove() {
    if (!isStray()) return false;
    await rm(path, { recursive: true, force: true });
    return true;
  },
});

const isOld = (path: string): boolean => Date.now() - statSync(path).mtimeMs > youngMs;
