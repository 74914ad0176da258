/** The program dist/castle.js with the code cache that the build made, without it, and with one that V8 rejects. */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import t, { type Test } from 'tap';
import { temporaryFolder } from '../../kit/images.ts';

const isCache = (name: string) => name.endsWith('.cache');

/** A copy of the castle's files. */
function copyOf(t: Test): { readonly folder: string; readonly cache: string } {
  const folder = temporaryFolder(t, 'code-cache');
  for (const name of readdirSync('dist').filter((name) => /^(castle|package\.json)/.test(name)))
    cpSync(join('dist', name), join(folder, name));
  const [cache = 'missing', ...others] = readdirSync(folder).filter(isCache);
  t.same(others, [], 'the build leaves one cache');
  return { folder, cache: join(folder, cache) };
}

const help = (folder: string, ...nodeOptions: readonly string[]) =>
  execFileSync(process.execPath, [...nodeOptions, join(folder, 'castle.js'), 'volumes', '--help'], {
    encoding: 'utf8',
  });

t.test('V8 accepts the cache for the source as the launcher compiles it', async (t) => {
  const { folder, cache } = copyOf(t);
  const main = readFileSync(join(folder, 'castle-main.js'), 'utf8');
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${main}\n})`, {
    filename: join(folder, 'castle-main.js'),
    cachedData: readFileSync(cache),
  });
  t.equal(script.cachedDataRejected, false);
});

t.test('the castle works in the same way without a cache and with an unusable cache', async (t) => {
  const { folder, cache } = copyOf(t);
  const usual = help(folder);
  t.match(usual, /^Usage: castle volumes/);
  t.equal(help(folder, '--no-opt'), usual, 'a cache for other options of V8');
  const content = readFileSync(cache);
  for (const [what, bytes] of [
    ['an empty cache', Buffer.alloc(0)],
    ['a truncated cache', content.subarray(0, content.length / 2)],
  ] as const) {
    writeFileSync(cache, bytes);
    t.equal(help(folder), usual, what);
  }
  rmSync(cache);
  t.equal(help(folder), usual, 'no cache');
});
