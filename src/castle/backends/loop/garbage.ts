import { existsSync, statSync } from 'node:fs';
import type { Native } from '../../../linux/native-addon.ts';
import type { Garbage } from '../../garbage/garbage.ts';
import { unfinishedFile } from '../unfinished-file.ts';
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

const isOld = (path: string): boolean => Date.now() - statSync(path).mtimeMs > youngMs;
