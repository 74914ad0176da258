import { existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Native } from '../../../linux/native-addon.ts';
import type { Garbage } from '../../garbage/garbage.ts';
import { isLocked } from './image-lock.ts';
import { listUnfinishedImages, prototypeEnding } from './images.ts';

/** The age below which a file is never garbage, in milliseconds: it may be new and not locked yet. */
const youngMs = 60_000;

/** Finds unfinished images, and their prototype files, that no castle and no program works on. */
export function findUnfinishedImages(base: string, native: Native): readonly Garbage[] {
  const isGarbage = (path: string): boolean => {
    const image = path.endsWith(prototypeEnding) ? path.slice(0, -prototypeEnding.length) : path;
    return (
      isOld(path) &&
      (!existsSync(image) || (isOld(image) && !isLocked(native, { path: image, volume: image })))
    );
  };
  return listUnfinishedImages(base)
    .filter(isGarbage)
    .map((path) => unfinishedFile(path, () => existsSync(path) && isGarbage(path)));
}

/** Garbage: a file or folder that an interrupted creation left. @param isGarbage called again before the file is removed */
export const unfinishedFile = (path: string, isGarbage: () => boolean): Garbage => ({
  kind: 'file',
  name: path,
  reason: 'its creation was interrupted',
  async remove() {
    if (!isGarbage()) return false;
    await rm(path, { recursive: true, force: true });
    return true;
  },
});

const isOld = (path: string): boolean => Date.now() - statSync(path).mtimeMs > youngMs;
