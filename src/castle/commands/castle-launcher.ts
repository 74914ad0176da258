/**
 * The program dist/castle.js: runs dist/castle-main.js, which is src/castle/commands/castle.ts with everything that it
 * imports. The build compiles castle-main.js and stores V8's code cache beside it: with the cache a castle starts in half the
 * time.
 *
 * V8 itself rejects the cache of another release or of other options of V8 (vm.Script in the documentation of Node). It
 * checks neither the content of the cache nor that of the source: so the launcher compares the hash of both with the one
 * that the build noted. Without a usable cache castle-main.js does the same, and starts more slowly.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** The SHA-256 of the source and the code cache, one after the other, in hexadecimal; the build replaces it. */
declare const CODE_CACHE_HASH: string;

const main = join(dirname(fileURLToPath(import.meta.url)), 'castle-main.js');

/** castle-main.js as a function, as Node compiles a CommonJS module. */
type Main = (...module: [object, NodeJS.Require, object, file: string, folder: string]) => void;

/**
 * Compiles castle-main.js with its code cache. Neither the source as it was read nor the cache stays in memory.
 * @returns undefined if one of the files is missing or is not what the build wrote
 */
function compileCached(): Main | undefined {
  try {
    const [source, cachedData] = [readFileSync(main), readFileSync(`${main}.cache`)];
    const hash = createHash('sha256').update(source).update(cachedData).digest('hex');
    if (hash !== CODE_CACHE_HASH) return undefined;
    const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
    return new Script(wrapped, { filename: main, cachedData }).runInThisContext() as Main;
  } catch {
    return undefined;
  }
}

const run = compileCached();
if (run === undefined) {
  createRequire(main)(main);
} else {
  const module = { exports: {} };
  run(module.exports, createRequire(main), module, main, dirname(main));
}
