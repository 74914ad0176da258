// Writes V8's code cache of dist/castle-main.js, for src/castle/commands/castle-launcher.ts:
//
//   node scripts/code-cache.js MAIN CACHE
//
// V8 compiles a function when it is first called. So that the cache has the functions of a start, this runs `castle serve` in a
// temporary folder until it serves, and then ends it. Where that fails, for example without root, the cache has fewer functions.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Script } from 'node:vm';

/** The time after which a castle that does not serve counts as hanging, in milliseconds. */
const hangsMs = 120_000;

const [main, cache] = process.argv.slice(2).map((path) => resolve(path));
// Exactly as the launcher compiles it: V8 compares the length of the source.
const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(main, 'utf8')}\n})`;
const script = new Script(source, { filename: main });

// The path of a socket may have at most 107 bytes, so a long TMPDIR cannot be used.
const folder = temporaryFolder([tmpdir(), '/tmp', dirname(main)].filter((parent) => parent.length < 60));
const socket = join(folder, 'castle.sock');
let isInterrupted = false;
process.on('exit', () => {
  rmSync(folder, { recursive: true, force: true });
  if (isInterrupted) return;
  writeFileSync(cache, script.createCachedData());
  process.exitCode = 0;
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt);
setTimeout(() => process.exit(), hangsMs).unref();
const untilServing = setInterval(() => {
  if (!existsSync(socket)) return;
  clearInterval(untilServing);
  // From now on SIGTERM ends the castle, which then ends this process.
  process.off('SIGTERM', interrupt);
  process.kill(process.pid, 'SIGTERM');
}, 10).unref();
const places = ['--socket', socket, '--state', join(folder, 'state'), '--backend', `local=${folder}/volumes`];
process.argv = [process.execPath, main, 'serve', '--runtime', 'process', ...places];
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(main), module, main, dirname(main));

function interrupt() {
  isInterrupted = true;
  process.exit(1);
}

/** Creates a folder in the first of these folders where that is possible. */
function temporaryFolder(parents) {
  for (const parent of parents) {
    try {
      return mkdtempSync(join(parent, 'castle-code-cache-'));
    } catch {
      // The next one may be writable.
    }
  }
  console.error(
    `no temporary folder can be created in ${parents.join(' or ')}; set TMPDIR to a folder that can be written to`,
  );
  process.exit(1);
}
