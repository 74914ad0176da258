/**
 * The program dist/castle.js: runs dist/castle-main.js, which is src/castle/commands/castle.ts with everything that it imports. The build
 * compiles castle-main.js and stores V8's code cache beside it: with the cache a castle starts in half the time.
 *
 * V8 rejects the cache of another release or of other options of V8, and that of a source of another length (vm.Script in
 * the documentation of Node). The name of the cache contains the hash of the source, because V8 would accept a different
 * source of the same length. Without a cache castle-main.js does the same and starts more slowly.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** The file name of the code cache; the build replaces it. */
declare const CODE_CACHE: string;

/** Compiles a CommonJS module from its file and its code cache, and evaluates it. */
function requireWithCache(file: string, cachedData: Buffer): void {
  const source = readFileSync(file, 'utf8');
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: file,
    cachedData,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
}

function readCache(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

const folder = dirname(fileURLToPath(import.meta.url));
const main = join(folder, 'castle-main.js');
const cache = readCache(join(folder, CODE_CACHE));
if (cache === undefined) createRequire(main)(main);
else requireWithCache(main, cache);
