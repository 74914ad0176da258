/** What one would not expect in a reference folder or a JENKINS_HOME, and meets there all the same. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readPluginVersion } from '../../../src/bailey/controller/reference/plugin-version.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { ended } from '../kit/bailey.ts';
import { House } from './kit/controller-fixture.ts';
import { writeBomb, writeCrowdedPlugin, writePlugin } from './kit/plugin-archive.ts';

const makePipe = (path: string): void => {
  const { status, stderr } = spawnSync('mkfifo', [path], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};

t.test('symlinks that lead to each other, to themselves, and below a file', async (t) => {
  const house = new House(t);
  house.write(join(house.ref, 'file.txt'), 'image');
  symlinkSync('two', join(house.ref, 'one'));
  symlinkSync('one', join(house.ref, 'two'));
  symlinkSync('itself', join(house.ref, 'itself'));
  symlinkSync('file.txt/below', join(house.ref, 'below'));
  const ran = await house.copy();
  t.equal(ran.code, 0, ran.stderr);
  t.strictSame(house.files(), ['copy_reference_file.log', 'file.txt']);
  const log = house.log().join('\n');
  for (const name of ['one', 'two', 'itself'])
    t.match(log, new RegExp(`SKIPPED .*/ref/${name} : a symlink that leads in a circle`));
  t.match(log, /SKIPPED .*\/ref\/below : a symlink that leads nowhere/);
});

t.test('plugins/ is a symlink, and the image has what a JENKINS_HOME has', async (t) => {
  const house = new House(t);
  mkdirSync(join(house.folder, 'elsewhere'));
  symlinkSync(join(house.folder, 'elsewhere'), join(house.home, 'plugins'));
  for (const name of ['a', 'b']) {
    writePlugin(join(house.ref, `plugins/${name}.jpi`), '2.0');
    house.write(join(house.ref, `plugins/${name}.jpi.pinned`), '');
  }
  house.write(join(house.ref, 'plugins/a.jpi.version_from_image'), '1.0\n');
  house.write(join(house.ref, 'plugins/b.jpi.version_from_image.override'), '1.0\n');
  house.write(join(house.ref, 'plugins/a.jpi.bailey-part'), 'half');
  house.write(join(house.ref, '.bailey-plugin-versions.json'), '{"form":1,"known":{}}');
  const ran = await house.copy();
  t.equal(ran.code, 0, ran.stderr);
  for (const name of ['a', 'b']) {
    t.equal(await readPluginVersion(join(house.home, `plugins/${name}.jpi`)), '2.0');
    t.equal(
      house.text(`plugins/${name}.jpi.version_from_image`),
      '2.0\n',
      'the marker tells what was copied',
    );
  }
  t.notOk(existsSync(join(house.home, 'plugins/a.jpi.bailey-part')));
  t.match(house.log().join('\n'), /SKIPPED \S+\/plugins\/a.jpi.bailey-part : a copy that was cut off/);
});

t.test('names that are not UTF-8', async (t) => {
  const house = new House(t);
  const bytes = (...parts: readonly string[]): Buffer => Buffer.from(parts.join('/'), 'latin1');
  mkdirSync(bytes(house.ref, 'caf\xe9/deep'), { recursive: true });
  for (const [name, text] of [
    ['na\xefve.txt', 'one'],
    ['na\xeeve.txt', 'another'], // as text it has the same name
    ['caf\xe9/deep/\xff.xml', 'deep'],
    ['caf\xe9/forced.override', 'forced'],
  ] as const)
    writeFileSync(bytes(house.ref, name), text);
  writePlugin(join(house.folder, 'p.jpi'), '1.0');
  mkdirSync(join(house.ref, 'plugins'));
  writeFileSync(bytes(house.ref, 'plugins', '\xe9.jpi'), readFileSync(join(house.folder, 'p.jpi')));
  symlinkSync(bytes('caf\xe9'), bytes(house.ref, 'l\xe9'));
  symlinkSync('.', bytes(house.ref, 'c\xe9'));

  const ran = await house.copy();
  t.equal(ran.code, 0, ran.stderr);
  const text = (...name: readonly string[]): string => readFileSync(bytes(house.home, ...name), 'utf8');
  t.equal(text('na\xefve.txt'), 'one');
  t.equal(text('na\xeeve.txt'), 'another');
  t.equal(text('caf\xe9/deep/\xff.xml'), 'deep');
  t.equal(text('caf\xe9/forced'), 'forced');
  t.equal(text('l\xe9/forced'), 'forced', 'through a symlink');
  t.equal(text('plugins/\xe9.jpi.version_from_image'), '1.0\n');
  t.match(house.log().join('\n'), /SKIPPED .* : a symlink that leads in a circle/);
  t.equal(house.log().length, 8, house.log().join('; '));
  t.equal((await house.copy()).code, 0);
  t.equal(house.log().length, 3, 'the second start only repeats what overrides, and the circle');
});

t.test('the log stays a line a file, whatever the names', async (t) => {
  const house = new House(t);
  house.write(join(house.ref, 'a\nINSTALLED b\x1b[2J'), 'image');
  t.equal((await house.copy()).code, 0);
  t.strictSame(house.log(), ['INSTALLED a\\x0aINSTALLED b\\x1b[2J']);
});

t.test('an archive that would fill the memory has no version', async (t) => {
  const house = new House(t);
  writeBomb(join(house.ref, 'plugins/bomb.jpi'), 64);
  t.equal(await readPluginVersion(join(house.ref, 'plugins/bomb.jpi')), '');
  writePlugin(join(house.folder, 'long.jpi'), '1.0', [`Long: ${'x'.repeat(900_000)}`]);
  t.equal(await readPluginVersion(join(house.folder, 'long.jpi')), '1.0', 'just below the bound');
  const ran = await house.copy();
  t.equal(ran.code, 0, ran.stderr);
  t.match(house.log().join('\n'), /INSTALLED plugins\/bomb.jpi : an unknown version/);
});

t.test('archives that are right, if not as usual', async (t) => {
  const folder = new House(t).folder;
  const path = join(folder, 'p.jpi');
  writeCrowdedPlugin(path, '3.1', 2000);
  t.equal(await readPluginVersion(path), '3.1', 'the manifest is the last of many files');

  // A comment at the end, which nobody bounds but its length of two bytes; and one that looks like an end itself.
  for (const comment of [
    Buffer.alloc(30_000, 'c'),
    Buffer.from('PK\x05\x06 and so on'),
    Buffer.from('short'),
  ]) {
    writePlugin(path, '3.2');
    const bytes = readFileSync(path);
    bytes.writeUInt16LE(comment.length, bytes.length - 2);
    writeFileSync(path, Buffer.concat([bytes, comment]));
    t.equal(await readPluginVersion(path), '3.2', `a comment of ${comment.length} bytes`);
  }
  for (let cut = 1; cut < 120; cut += 7) {
    writePlugin(path, '3.3');
    truncateSync(path, statSync(path).size - cut);
    t.equal(await readPluginVersion(path), '', `${cut} bytes are missing`);
  }
});

t.test('large files: what is in them, and their holes', async (t) => {
  const house = new House(t);
  const file = openSync(join(house.ref, 'sparse'), 'w');
  writeSync(file, 'at the start', 0);
  writeSync(file, 'over the edge of a piece', 256 * 1024 * 1024 - 5);
  ftruncateSync(file, 512 * 1024 * 1024 + 1);
  closeSync(file);
  writeFileSync(join(house.ref, 'dense'), Buffer.alloc(17 * 1024 * 1024 + 3, 'x'));
  const ran = await house.copy();
  t.equal(ran.code, 0, ran.stderr);
  for (const name of ['sparse', 'dense'])
    t.equal(
      spawnSync('cmp', [join(house.ref, name), join(house.home, name)]).status,
      0,
      `${name} is the same`,
    );
  t.ok(statSync(join(house.home, 'sparse')).blocks * 512 < 16 * 1024 * 1024, 'holes are holes');
});

t.test('a signal in the middle of a large file', async (t) => {
  const house = new House(t);
  // Another file system, so that no blocks can be shared; and a bound for what a copy may write.
  const ref = mkdtempSync('/dev/shm/bailey-test-');
  t.teardown(() => rmSync(ref, { recursive: true }));
  writeFileSync(join(ref, 'endless'), '');
  truncateSync(join(ref, 'endless'), 2 ** 38);
  const below = ['sh', '-c', 'ulimit -f 100000; exec "$@"', 'sh'];
  const child = house.startCopying({ REF: ref }, undefined, below);
  const end = ended(child);
  const part = join(house.home, 'endless.bailey-part');
  await until('it is copied', () => existsSync(part) || child.exitCode !== null || undefined);
  child.kill('SIGTERM');
  const ran = await end;
  t.equal(ran.code, 143, `${ran.signal} ${ran.stderr}`);
  t.strictSame(house.files(), ['copy_reference_file.log'], 'no part is left');
});

if (requires(t, program('mkfifo'))) {
  t.test('pipes in JENKINS_HOME hold nobody up', async (t) => {
    const house = new House(t);
    mkdirSync(join(house.home, 'plugins'));
    for (const name of ['archive.jpi', 'marker.jpi.version_from_image', 'pinned.jpi.pinned'])
      makePipe(join(house.home, 'plugins', name));
    for (const name of ['archive', 'marker', 'pinned'])
      writePlugin(join(house.ref, `plugins/${name}.jpi`), '1.0');
    writePlugin(join(house.home, 'plugins/marker.jpi'), '0.9');
    const ran = await house.copy({ VERBOSE: 'x' });
    t.equal(ran.code, 0, `${ran.signal} ${ran.stderr}`);
    t.match(house.log().join('\n'), /SKIPPED plugins\/archive.jpi : an unknown version is installed/);
    t.equal(await readPluginVersion(join(house.home, 'plugins/pinned.jpi')), '1.0');
  });

  t.test('a log that is a pipe', async (t) => {
    const house = new House(t);
    const pipe = join(house.folder, 'pipe');
    makePipe(pipe);
    for (const [where, env] of [
      [pipe, { COPY_REFERENCE_FILE_LOG: pipe }],
      [join(house.home, 'copy_reference_file.log'), {}],
    ] as const) {
      if (where !== pipe) makePipe(where);
      const ran = await house.copy(env);
      t.equal(ran.code, 78, `${ran.signal} ${ran.stderr}`);
      t.match(ran.stderr, `COPY_REFERENCE_FILE_LOG ${where} is a pipe or socket that nobody reads; start`);
    }
    house.write(join(house.ref, 'file.txt'), 'image');
    // One that stays, as a collector of logs does: it reads from a pipe that it holds open for writing, too.
    const script = '"$@" >&2; code=$?; head -n 2 <&3; exit $code';
    const behind = ['sh', '-c', `exec 3<>"${pipe}"; ${script}`, 'sh'];
    const read = await ended(house.startCopying({ COPY_REFERENCE_FILE_LOG: pipe }, undefined, behind));
    t.equal(read.code, 0, read.stderr);
    t.match(read.stdout, /^--- Copying files at .*\nINSTALLED file.txt\n$/);
  });
}

if (requires(t, root)) {
  t.test('a folder that may not be read is named itself', async (t) => {
    const house = new House(t);
    chownSync(house.home, 1000, 1000);
    mkdirSync(join(house.ref, 'sub'));
    chmodSync(join(house.ref, 'sub'), 0o700);
    const ran = await ended(house.startCopying({}, 1000));
    t.equal(ran.code, 77);
    t.match(
      ran.stderr,
      /^bailey: \S+\/ref\/sub cannot be read: uid 1000, .*owner 0:0, mode 0700.*chown 1000:1000 \S+\/ref\/sub/,
    );
  });

  t.test('a file that is mounted into JENKINS_HOME is written to', async (t) => {
    const house = new House(t);
    const mounted = join(house.folder, 'mounted.xml');
    house.write(join(house.ref, 'config.xml.override'), 'image');
    house.write(join(house.home, 'config.xml'), '');
    house.write(mounted, 'longer than that of the image');
    const script = `mount --bind ${mounted} ${house.home}/config.xml; exec "$@"`;
    const below = ['unshare', '--mount', 'sh', '-ec', script, 'sh'];
    const ran = await ended(house.startCopying({}, undefined, below));
    t.equal(ran.code, 0, ran.stderr);
    t.equal(readFileSync(mounted, 'utf8'), 'image');
    t.strictSame(house.files(), ['config.xml', 'copy_reference_file.log']);
    t.strictSame(house.log(), ['INSTALLED config.xml']);
  });

  t.test("root's set-id programs do not become set-id programs of somebody else", async (t) => {
    const house = new House(t);
    chownSync(house.home, 1000, 1000);
    house.write(join(house.ref, 'tool'), 'x');
    chmodSync(join(house.ref, 'tool'), 0o6755);
    t.equal((await ended(house.startCopying({}, 1000))).code, 0);
    t.equal(statSync(join(house.home, 'tool')).mode & 0o7777, 0o755);

    const roots = new House(t);
    roots.write(join(roots.ref, 'tool'), 'x');
    chmodSync(join(roots.ref, 'tool'), 0o4755);
    t.equal((await roots.copy()).code, 0);
    t.equal(statSync(join(roots.home, 'tool')).mode & 0o7777, 0o4755, 'cp -p keeps them with their owner');
  });
}
