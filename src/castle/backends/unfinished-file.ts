import { rm } from 'node:fs/promises';
import type { Garbage } from '../garbage/garbage.ts';

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
