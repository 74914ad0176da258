/** The program dist/castle.js with the code cache that the build made, without it, and with one that V8 rejects. */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import t, { type Test } from 'tap';
import { temporaryFolder } from '../../kit/images.ts';

/** A copy of the castle's files. */
function copyOf(t: Test): { readonly folder: string; readonly main: string; readonly cache: string } {
  const folder = temporaryFolder(t, 'code-cache');
  for (const name of readdirSync('dist').filter((name) => /^(castle|package\.json)/.test(name)))
    cpSync(join('dist', name), join(folder, name));
  const main = join(folder, 'castle-main.js');
  return { folder, main, cache: `${main}.cache` };
}

const help = (folder: string, ...nodeOptions: readonly string[]) =>
  execFileSync(process.execPath, [...nodeOptions, join(folder, 'castle.js'), 'volumes', '--help'], {
    encoding: 'utf8',
  });

t.test('V8 accepts the cache for the source as the launcher compiles it', async (t) => {
  const { main, cache } = copyOf(t);
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${readFileSync(main, 'utf8')}\n})`,
    { filename: main, cachedData: readFileSync(cache) },
  );
  t.equal(script.cachedDataRejected, false);
});

t.test('the bundle is ASCII: else V8 would use two bytes for each of its characters', async (t) => {
  const { main } = copyOf(t);
  const source = readFileSync(main, 'utf8');
  const at = source.search(/[^\0-\x7f]/);
  t.equal(at === -1 ? '' : source.slice(Math.max(0, at - 40), at + 40), '');
});

t.test('the castle works in the same way without a cache and with an unusable cache', async (t) => {
  const { folder, main, cache } = copyOf(t);
  const usual = help(folder);
  t.match(usual, /^Usage: castle volumes/);
  t.equal(help(folder, '--no-opt'), usual, 'a cache for other options of V8');
  const content = readFileSync(cache);
  const half = content.length >> 1;
  for (const [what, bytes] of [
    ['an empty cache', Buffer.alloc(0)],
    ['a truncated cache', content.subarray(0, half)],
    [
      'a cache whose second half is zero',
      Buffer.concat([content.subarray(0, half), Buffer.alloc(content.length - half)]),
    ],
  ] as const) {
    writeFileSync(cache, bytes);
    t.equal(help(folder), usual, what);
  }
  writeFileSync(cache, content);
  writeFileSync(main, readFileSync(main, 'utf8').replaceAll('Usage:', 'USAGE:'));
  t.match(help(folder), /^USAGE: castle volumes/, 'a cache for another source of the same length');
  rmSync(cache);
  t.match(help(folder), /^USAGE: castle volumes/, 'no cache');
});
