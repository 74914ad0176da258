/** Unusual files in a reference folder or JENKINS_HOME. */
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
import { ControllerFixture } from './kit/controller-fixture.ts';
import { writeBomb, writeCrowdedPlugin, writePlugin } from './kit/plugin-archive.ts';

const makePipe = (path: string): void => {
  const { status, stderr } = spawnSync('mkfifo', [path], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};

t.test('circular symlinks, and symlinks to a path below a file, are skipped', async (t) => {
  const fixture = new ControllerFixture(t);
  fixture.write(join(fixture.ref, 'file.txt'), 'image');
  symlinkSync('two', join(fixture.ref, 'one'));
  symlinkSync('one', join(fixture.ref, 'two'));
  symlinkSync('itself', join(fixture.ref, 'itself'));
  symlinkSync('file.txt/below', join(fixture.ref, 'below'));
  const ran = await fixture.copy();
  t.equal(ran.code, 0, ran.stderr);
  t.strictSame(fixture.files(), ['copy_reference_file.log', 'file.txt']);
  const log = fixture.log().join('\n');
  for (const name of ['one', 'two', 'itself'])
    t.match(log, new RegExp(`SKIPPED .*/ref/${name} : a circular symlink`));
  t.match(log, /SKIPPED .*\/ref\/below : a dangling symlink/);
});

t.test(
  'plugins/ may be a symlink, and files that bailey wrote to the JENKINS_HOME of the image are ignored',
  async (t) => {
    const fixture = new ControllerFixture(t);
    mkdirSync(join(fixture.folder, 'elsewhere'));
    symlinkSync(join(fixture.folder, 'elsewhere'), join(fixture.home, 'plugins'));
    for (const name of ['a', 'b']) {
      writePlugin(join(fixture.ref, `plugins/${name}.jpi`), '2.0');
      fixture.write(join(fixture.ref, `plugins/${name}.jpi.pinned`), '');
    }
    fixture.write(join(fixture.ref, 'plugins/a.jpi.version_from_image'), '1.0\n');
    fixture.write(join(fixture.ref, 'plugins/b.jpi.version_from_image.override'), '1.0\n');
    fixture.write(join(fixture.ref, 'plugins/a.jpi.bailey-part'), 'half');
    fixture.write(join(fixture.ref, '.bailey-plugin-versions.json'), '{"form":1,"known":{}}');
    const ran = await fixture.copy();
    t.equal(ran.code, 0, ran.stderr);
    for (const name of ['a', 'b']) {
      t.equal(await readPluginVersion(join(fixture.home, `plugins/${name}.jpi`)), '2.0');
      t.equal(
        fixture.text(`plugins/${name}.jpi.version_from_image`),
        '2.0\n',
        'the marker has the version that was copied',
      );
    }
    t.notOk(existsSync(join(fixture.home, 'plugins/a.jpi.bailey-part')));
    t.match(
      fixture.log().join('\n'),
      /SKIPPED \S+\/plugins\/a.jpi.bailey-part : a partial copy of an interrupted start/,
    );
  },
);

t.test('files whose names are not valid UTF-8 are copied', async (t) => {
  const fixture = new ControllerFixture(t);
  const bytes = (...parts: readonly string[]): Buffer => Buffer.from(parts.join('/'), 'latin1');
  mkdirSync(bytes(fixture.ref, 'caf\xe9/deep'), { recursive: true });
  for (const [name, text] of [
    ['na\xefve.txt', 'one'],
    ['na\xeeve.txt', 'another'], // decodes to the same text
    ['caf\xe9/deep/\xff.xml', 'deep'],
    ['caf\xe9/forced.override', 'forced'],
  ] as const)
    writeFileSync(bytes(fixture.ref, name), text);
  writePlugin(join(fixture.folder, 'p.jpi'), '1.0');
  mkdirSync(join(fixture.ref, 'plugins'));
  writeFileSync(bytes(fixture.ref, 'plugins', '\xe9.jpi'), readFileSync(join(fixture.folder, 'p.jpi')));
  symlinkSync(bytes('caf\xe9'), bytes(fixture.ref, 'l\xe9'));
  symlinkSync('.', bytes(fixture.ref, 'c\xe9'));

  const ran = await fixture.copy();
  t.equal(ran.code, 0, ran.stderr);
  const text = (...name: readonly string[]): string => readFileSync(bytes(fixture.home, ...name), 'utf8');
  t.equal(text('na\xefve.txt'), 'one');
  t.equal(text('na\xeeve.txt'), 'another');
  t.equal(text('caf\xe9/deep/\xff.xml'), 'deep');
  t.equal(text('caf\xe9/forced'), 'forced');
  t.equal(text('l\xe9/forced'), 'forced', 'copied through a symlink');
  t.equal(text('plugins/\xe9.jpi.version_from_image'), '1.0\n');
  t.match(fixture.log().join('\n'), /SKIPPED .* : a circular symlink/);
  t.equal(fixture.log().length, 8, fixture.log().join('; '));
  t.equal((await fixture.copy()).code, 0);
  t.equal(fixture.log().length, 3, 'the second start repeats only the override and the circular symlink');
});

t.test('the log has one line for each file, whatever its name', async (t) => {
  const fixture = new ControllerFixture(t);
  fixture.write(join(fixture.ref, 'a\nINSTALLED b\x1b[2J'), 'image');
  t.equal((await fixture.copy()).code, 0);
  t.strictSame(fixture.log(), ['INSTALLED a\\x0aINSTALLED b\\x1b[2J']);
});

t.test('an archive bomb counts as an archive without a version', async (t) => {
  const fixture = new ControllerFixture(t);
  writeBomb(join(fixture.ref, 'plugins/bomb.jpi'), 64);
  t.equal(await readPluginVersion(join(fixture.ref, 'plugins/bomb.jpi')), '');
  writePlugin(join(fixture.folder, 'long.jpi'), '1.0', [`Long: ${'x'.repeat(900_000)}`]);
  t.equal(await readPluginVersion(join(fixture.folder, 'long.jpi')), '1.0', 'just below the limit');
  const ran = await fixture.copy();
  t.equal(ran.code, 0, ran.stderr);
  t.match(fixture.log().join('\n'), /INSTALLED plugins\/bomb.jpi : an unknown version/);
});

t.test('the version is read from valid archives of unusual structure', async (t) => {
  const folder = new ControllerFixture(t).folder;
  const path = join(folder, 'p.jpi');
  writeCrowdedPlugin(path, '3.1', 2000);
  t.equal(await readPluginVersion(path), '3.1', 'the manifest is the last of many files');

  // An archive comment of the maximum length, and one that contains an end record signature.
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

t.test('large files keep their content and their holes', async (t) => {
  const fixture = new ControllerFixture(t);
  const file = openSync(join(fixture.ref, 'sparse'), 'w');
  writeSync(file, 'at the start', 0);
  writeSync(file, 'over the edge of a piece', 256 * 1024 * 1024 - 5);
  ftruncateSync(file, 512 * 1024 * 1024 + 1);
  closeSync(file);
  writeFileSync(join(fixture.ref, 'dense'), Buffer.alloc(17 * 1024 * 1024 + 3, 'x'));
  const ran = await fixture.copy();
  t.equal(ran.code, 0, ran.stderr);
  for (const name of ['sparse', 'dense'])
    t.equal(
      spawnSync('cmp', [join(fixture.ref, name), join(fixture.home, name)]).status,
      0,
      `${name} is the same`,
    );
  t.ok(statSync(join(fixture.home, 'sparse')).blocks * 512 < 16 * 1024 * 1024, 'holes are kept');
});

t.test('a signal interrupts the copy of a large file', async (t) => {
  const fixture = new ControllerFixture(t);
  // Another file system, so that blocks cannot be shared, with a size limit for the copy.
  const ref = mkdtempSync('/dev/shm/bailey-test-');
  t.teardown(() => rmSync(ref, { recursive: true }));
  writeFileSync(join(ref, 'endless'), '');
  truncateSync(join(ref, 'endless'), 2 ** 38);
  const below = ['sh', '-c', 'ulimit -f 100000; exec "$@"', 'sh'];
  const child = fixture.startCopying({ REF: ref }, undefined, below);
  const end = ended(child);
  const part = join(fixture.home, 'endless.bailey-part');
  await until('the copy has begun', () => existsSync(part) || child.exitCode !== null || undefined);
  child.kill('SIGTERM');
  const ran = await end;
  t.equal(ran.code, 143, `${ran.signal} ${ran.stderr}`);
  t.strictSame(fixture.files(), ['copy_reference_file.log'], 'no partial file is left');
});

if (requires(t, program('mkfifo'))) {
  t.test('pipes in JENKINS_HOME do not block the start', async (t) => {
    const fixture = new ControllerFixture(t);
    mkdirSync(join(fixture.home, 'plugins'));
    for (const name of ['archive.jpi', 'marker.jpi.version_from_image', 'pinned.jpi.pinned'])
      makePipe(join(fixture.home, 'plugins', name));
    for (const name of ['archive', 'marker', 'pinned'])
      writePlugin(join(fixture.ref, `plugins/${name}.jpi`), '1.0');
    writePlugin(join(fixture.home, 'plugins/marker.jpi'), '0.9');
    const ran = await fixture.copy({ VERBOSE: 'x' });
    t.equal(ran.code, 0, `${ran.signal} ${ran.stderr}`);
    t.match(fixture.log().join('\n'), /SKIPPED plugins\/archive.jpi : an unknown version is installed/);
    t.equal(await readPluginVersion(join(fixture.home, 'plugins/pinned.jpi')), '1.0');
  });

  t.test('a log that is a pipe is an error without a reader', async (t) => {
    const fixture = new ControllerFixture(t);
    const pipe = join(fixture.folder, 'pipe');
    makePipe(pipe);
    for (const [where, env] of [
      [pipe, { COPY_REFERENCE_FILE_LOG: pipe }],
      [join(fixture.home, 'copy_reference_file.log'), {}],
    ] as const) {
      if (where !== pipe) makePipe(where);
      const ran = await fixture.copy(env);
      t.equal(ran.code, 78, `${ran.signal} ${ran.stderr}`);
      t.match(ran.stderr, `COPY_REFERENCE_FILE_LOG ${where} is a pipe or socket without a reader; start`);
    }
    fixture.write(join(fixture.ref, 'file.txt'), 'image');
    // A permanent reader like a log collector, which also keeps the pipe open for writing.
    const script = '"$@" >&2; code=$?; head -n 2 <&3; exit $code';
    const behind = ['sh', '-c', `exec 3<>"${pipe}"; ${script}`, 'sh'];
    const read = await ended(fixture.startCopying({ COPY_REFERENCE_FILE_LOG: pipe }, undefined, behind));
    t.equal(read.code, 0, read.stderr);
    t.match(read.stdout, /^--- Copying files at .*\nINSTALLED file.txt\n$/);
  });
}

if (requires(t, root)) {
  t.test('the error for a folder that cannot be read names it', async (t) => {
    const fixture = new ControllerFixture(t);
    chownSync(fixture.home, 1000, 1000);
    mkdirSync(join(fixture.ref, 'sub'));
    chmodSync(join(fixture.ref, 'sub'), 0o700);
    const ran = await ended(fixture.startCopying({}, 1000));
    t.equal(ran.code, 77);
    t.match(
      ran.stderr,
      /^bailey: \S+\/ref\/sub cannot be read: uid 1000, .*owner 0:0, mode 0700.*chown 1000:1000 \S+\/ref\/sub/,
    );
  });

  t.test('a bind-mounted file in JENKINS_HOME is overwritten in place', async (t) => {
    const fixture = new ControllerFixture(t);
    const mounted = join(fixture.folder, 'mounted.xml');
    fixture.write(join(fixture.ref, 'config.xml.override'), 'image');
    fixture.write(join(fixture.home, 'config.xml'), '');
    fixture.write(mounted, 'longer than that of the image');
    const script = `mount --bind ${mounted} ${fixture.home}/config.xml; exec "$@"`;
    const below = ['unshare', '--mount', 'sh', '-ec', script, 'sh'];
    const ran = await ended(fixture.startCopying({}, undefined, below));
    t.equal(ran.code, 0, ran.stderr);
    t.equal(readFileSync(mounted, 'utf8'), 'image');
    t.strictSame(fixture.files(), ['config.xml', 'copy_reference_file.log']);
    t.strictSame(fixture.log(), ['INSTALLED config.xml']);
  });

  t.test('set-id bits are dropped when the owner changes', async (t) => {
    const fixture = new ControllerFixture(t);
    chownSync(fixture.home, 1000, 1000);
    fixture.write(join(fixture.ref, 'tool'), 'x');
    chmodSync(join(fixture.ref, 'tool'), 0o6755);
    t.equal((await ended(fixture.startCopying({}, 1000))).code, 0);
    t.equal(statSync(join(fixture.home, 'tool')).mode & 0o7777, 0o755);

    const roots = new ControllerFixture(t);
    roots.write(join(roots.ref, 'tool'), 'x');
    chmodSync(join(roots.ref, 'tool'), 0o4755);
    t.equal((await roots.copy()).code, 0);
    t.equal(
      statSync(join(roots.home, 'tool')).mode & 0o7777,
      0o4755,
      'cp -p keeps the bits with the same owner',
    );
  });
}
