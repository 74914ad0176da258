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

/** Returns castle-main.js and its code cache; undefined if one of them is missing or is not what the build wrote. */
function readCached(): { readonly source: string; readonly cachedData: Buffer } | undefined {
  try {
    const [source, cachedData] = [readFileSync(main), readFileSync(`${main}.cache`)];
    const hash = createHash('sha256').update(source).update(cachedData).digest('hex');
    return hash === CODE_CACHE_HASH ? { source: source.toString(), cachedData } : undefined;
  } catch {
    return undefined;
  }
}

const cached = readCached();
if (cached === undefined) {
  createRequire(main)(main);
} else {
  const { source, cachedData } = cached;
  // As Node compiles a CommonJS module.
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
  const module = { exports: {} };
  new Script(wrapped, { filename: main, cachedData }).runInThisContext()(
    module.exports,
    createRequire(main),
    module,
    main,
    dirname(main),
  );
}
