/** The cache of plug-in versions: unchanged plug-ins are not opened, and changed ones are read again. */
import {
  existsSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { program, requires } from '../../kit/needs.ts';
import { ended } from '../kit/bailey.ts';
import { ControllerFixture } from './kit/controller-fixture.ts';
import { writePlugin } from './kit/plugin-archive.ts';

const memory = '.bailey-plugin-versions.json';

/** An old date, as files in an image have. */
function writeOldPlugin(path: string, version: string): void {
  writePlugin(path, version);
  utimesSync(path, 1_000_000_000, 1_000_000_000);
}

/** A controller fixture with two plug-ins that have been copied and cached. */
async function createCachedFixture(t: Test): Promise<ControllerFixture> {
  const fixture = new ControllerFixture(t);
  for (const name of ['a', 'b']) writeOldPlugin(join(fixture.ref, `plugins/${name}.jpi`), '1.0');
  for (let start = 0; start < 2; start++) t.equal((await fixture.copy()).code, 0);
  t.ok(existsSync(join(fixture.home, memory)), 'the versions are cached');
  return fixture;
}

const parse = (text: string): unknown => JSON.parse(text);

const markerOf = (fixture: ControllerFixture, name: string): string | undefined =>
  fixture.text(`plugins/${name}.jpi.version_from_image`)?.trim();

if (requires(t, program('strace'))) {
  t.test('unchanged archives are not opened', async (t) => {
    const fixture = await createCachedFixture(t);
    const trace = join(fixture.folder, 'trace');
    const below = ['strace', '--follow-forks', '--trace=?open,openat,?unlink,?rename', `--output=${trace}`];
    const ran = await ended(fixture.startCopying({}, undefined, below));
    t.equal(ran.code, 0, ran.stderr);
    const calls = readFileSync(trace, 'utf8').split('\n');
    const about = calls.filter((line) => line.includes('.jpi') || line.includes(`${memory}.`));
    t.strictSame(about, [], 'no archive or marker is opened, and nothing is written');
    t.ok(
      calls.some((line) => line.includes(memory)),
      'the cache is read',
    );
  });
}

t.test('a changed plug-in file is read again', async (t) => {
  const fixture = await createCachedFixture(t);
  const plugin = join(fixture.home, 'plugins/a.jpi');
  const { size, mtime, ino } = statSync(plugin);

  // Changed in place, with the same size and the old mtime.
  writePlugin(plugin, '0.9');
  utimesSync(plugin, mtime, mtime);
  t.strictSame({ size: statSync(plugin).size, ino: statSync(plugin).ino }, { size, ino });
  t.equal((await fixture.copy()).code, 0);
  t.match(fixture.log().join('\n'), /^UPGRADED plugins\/a.jpi : image has 1.0, installed is 0.9$/);

  const image = join(fixture.ref, 'plugins/b.jpi');
  const before = statSync(image);
  writePlugin(image, '1.1');
  utimesSync(image, before.mtime, before.mtime);
  t.equal((await fixture.copy()).code, 0);
  t.match(fixture.log().join('\n'), /^UPGRADED plugins\/b.jpi : image has 1.1, installed is 1.0$/);

  const marker = join(fixture.home, 'plugins/b.jpi.version_from_image');
  const old = statSync(marker);
  writeFileSync(marker, '0.1\n');
  utimesSync(marker, old.mtime, old.mtime);
  t.equal((await fixture.copy()).code, 0);
  t.match(fixture.log().join('\n'), /^SKIPPED plugins\/b.jpi : .* upgraded by hand from 0.1$/);
});

t.test('a plug-in file that changes immediately after the start is read again', async (t) => {
  const fixture = new ControllerFixture(t);
  writeOldPlugin(join(fixture.ref, 'plugins/a.jpi'), '1.0');
  // The program that replaces bailey changes the file immediately after the start.
  writePlugin(join(fixture.folder, 'other.jpi'), '0.9');
  for (let round = 0; round < 10; round++) {
    const script = `cat '${fixture.folder}/other.jpi' > '${fixture.home}/plugins/a.jpi'`;
    t.equal((await ended(fixture.startProgram(['sh', '-c', script]))).code, 0);
    t.equal((await fixture.copy()).code, 0);
    t.match(fixture.log().join('\n'), /^UPGRADED plugins\/a.jpi : image has 1.0, installed is 0.9$/);
  }
});

t.test('a cache that is damaged or has another format is ignored', async (t) => {
  const fixture = await createCachedFixture(t);
  const path = join(fixture.home, memory);
  const right = readFileSync(path, 'utf8');
  const damages: readonly (readonly [what: string, damage: () => void])[] = [
    ['empty', () => truncateSync(path, 0)],
    ['truncated', () => truncateSync(path, right.length - 10)],
    ['zeros', () => writeFileSync(path, Buffer.alloc(1000))],
    ['another format version', () => writeFileSync(path, right.replace('"form":1', '"form":2'))],
    ['versions that are not strings', () => writeFileSync(path, right.replaceAll('"1.0"', '1'))],
    ['not an object', () => writeFileSync(path, '[null]')],
    [
      'other file states',
      () => writeFileSync(path, right.replaceAll('"1.0"', '"0.5"').replaceAll(/"\d+ /g, '"1 ')),
    ],
    ['too large', () => truncateSync(path, 17 * 1024 * 1024)],
  ];
  for (const [what, damage] of damages) {
    damage();
    t.equal((await fixture.copy({ VERBOSE: '1' })).code, 0, what);
    t.match(fixture.log().join('\n'), /SKIPPED plugins\/a.jpi : image has 1.0, installed is 1.0\n/, what);
    t.strictSame(parse(readFileSync(path, 'utf8')), parse(right), `${what}: the cache is written again`);
  }
});

t.test('a symlink in place of the cache file is not followed', async (t) => {
  for (const name of [memory, `${memory}.bailey-part`]) {
    const fixture = new ControllerFixture(t);
    const victim = join(fixture.folder, 'victim');
    writeFileSync(victim, 'precious');
    writeOldPlugin(join(fixture.ref, 'plugins/a.jpi'), '1.0');
    symlinkSync(victim, join(fixture.home, name));
    for (let start = 0; start < 2; start++) t.equal((await fixture.copy()).code, 0);
    t.equal(markerOf(fixture, 'a'), '1.0');
    t.equal(readFileSync(victim, 'utf8'), 'precious', name);
  }
});
