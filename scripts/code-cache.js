// Writes V8's code cache of dist/castle-main.js, for src/castle/commands/castle-launcher.ts:
//
//   node scripts/code-cache.js MAIN CACHE
//
// V8 compiles a function when it is first called. So that the cache has the functions of a start, this runs `castle serve`
// until it fails, which it does before it changes anything: its state folder cannot exist.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { Script } from 'node:vm';

const [main, cache] = process.argv.slice(2).map((path) => resolve(path));
// Exactly as the launcher compiles it: V8 compares the length of the source.
const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(main, 'utf8')}\n})`;
const script = new Script(source, { filename: main });
process.on('exit', () => {
  writeFileSync(cache, script.createCachedData());
  process.exitCode = 0;
});
const options = [
  '--backend',
  `local=${dirname(main)}`,
  '--runtime',
  'process',
  '--socket',
  '/dev/null/castle.sock',
];
process.argv = [process.execPath, main, 'serve', ...options, '--state', '/dev/null/state'];
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(main), module, main, dirname(main));
