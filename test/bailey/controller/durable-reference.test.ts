/** The order in which files are written, synced and renamed, so that a power failure leaves a valid JENKINS_HOME. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { program, requires } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { ended } from '../kit/bailey.ts';
import { ControllerFixture } from './kit/controller-fixture.ts';
import { writePlugin } from './kit/plugin-archive.ts';

/** A system call that has returned, in the order of return. */
interface Call {
  readonly name: string;
  readonly text: string;
}

/** Parses the output of strace -f -y; rejoins calls that are split by those of another thread. */
function readCalls(file: string): Call[] {
  const begun = new Map<string, string>();
  const calls: Call[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest.endsWith('<unfinished ...>')) begun.set(thread, rest);
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const text = resumed === null ? rest : `${begun.get(thread) ?? ''}${resumed[1] ?? ''}`;
    const name = /^(\w+)\(/.exec(text)?.[1];
    if (name !== undefined && / = 0$/.test(text)) calls.push({ name, text });
  }
  return calls;
}

if (requires(t, program('strace'))) {
  t.test('every file is synced before it is renamed, and markers are renamed before archives', async (t) => {
    const fixture = new ControllerFixture(t);
    const plugins = ['a', 'b', 'c'].map((name) => `plugins/${name}.jpi`);
    for (const plugin of plugins) writePlugin(join(fixture.ref, plugin), '2.0');
    fixture.write(join(fixture.ref, 'config.xml'), 'image');
    writePlugin(join(fixture.home, 'plugins/b.jpi'), '1.0');
    fixture.write(join(fixture.home, 'plugins/b.jpi.version_from_image'), '1.0\n');

    const trace = join(fixture.folder, 'trace');
    const options = ['--follow-forks', '--decode-fds=path', '--string-limit=500', `--output=${trace}`];
    const below = ['strace', ...options, '--trace=fsync,?rename,?renameat,?renameat2'];
    const ran = await ended(fixture.startCopying({}, undefined, below));
    t.equal(ran.code, 0, ran.stderr);

    const calls = readCalls(trace);
    const indexOf = (name: string, path: string): number =>
      calls.findIndex((call) => call.name.startsWith(name) && call.text.includes(path));
    const named = (place: string): number => indexOf('rename', `"${join(fixture.home, place)}"`);
    const synced = (place: string): number => indexOf('fsync', `<${join(fixture.home, place)}>`);
    for (const place of [
      ...plugins,
      ...plugins.map((plugin) => `${plugin}.version_from_image`),
      'config.xml',
    ]) {
      t.ok(synced(`${place}.bailey-part`) >= 0, `${place} is synced to disk`);
      t.ok(named(place) > synced(`${place}.bailey-part`), `${place} is renamed afterwards`);
    }
    const folder = synced('plugins');
    for (const plugin of plugins) {
      t.ok(named(`${plugin}.version_from_image`) < folder, `the marker of ${plugin} is renamed first`);
      t.ok(named(plugin) > folder, `${plugin} is renamed after the folder has been synced`);
    }
  });
}

if (requires(t, program('strace'))) {
  const failing = (error: string, ...options: readonly string[]): string[] => {
    return ['strace', '--follow-forks', '--output=/dev/null', ...options, `--inject=fsync:error=${error}`];
  };

  t.test('a file that cannot be synced is not renamed', async (t) => {
    const fixture = new ControllerFixture(t);
    writePlugin(join(fixture.ref, 'plugins/a.jpi'), '2.0');
    fixture.write(join(fixture.ref, 'config.xml'), 'image');
    for (const [error, code, line] of [
      ['EIO', 74, /^bailey: \S+\/home\/\S+ cannot be synced to disk: fsync: Input\/output error\n$/],
      ['ENOSPC', 73, /^bailey: \S+\/home\/\S+ cannot be synced to disk, .*; free space, or enlarge it\n$/],
    ] as const) {
      const ran = await ended(fixture.startCopying({}, undefined, failing(error)));
      t.equal(ran.code, code, ran.stderr);
      t.match(ran.stderr, line);
      t.notMatch(ran.stderr, /bailey-part/);
      t.strictSame(fixture.files(), ['copy_reference_file.log'], 'neither files nor partial files');
      t.strictSame(fixture.log(), [], 'the log has no line for them');
    }
  });

  t.test('on a file system that cannot sync directories, the copy continues without', async (t) => {
    const fixture = new ControllerFixture(t);
    writePlugin(join(fixture.ref, 'plugins/a.jpi'), '2.0');
    const onlyFolder = `--trace-path=${join(fixture.home, 'plugins')}`;
    mkdirSync(join(fixture.home, 'plugins'));
    for (const [error, code] of [
      ['EINVAL', 0],
      ['EIO', 74],
    ] as const) {
      rmSync(join(fixture.home, 'plugins/a.jpi'), { force: true });
      const ran = await ended(fixture.startCopying({}, undefined, failing(error, onlyFolder)));
      t.equal(ran.code, code, ran.stderr);
      t.equal(existsSync(join(fixture.home, 'plugins/a.jpi')), code === 0, error);
    }
    t.equal((await fixture.copy()).code, 0);
    t.ok(existsSync(join(fixture.home, 'plugins/a.jpi')), 'the next start completes it');
  });
}

t.test('a long start reports its progress', async (t) => {
  const fixture = new ControllerFixture(t);
  // Another file system, so that blocks cannot be shared.
  const ref = mkdtempSync('/dev/shm/bailey-test-');
  t.teardown(() => rmSync(ref, { recursive: true }));
  writeFileSync(join(ref, 'endless'), '');
  truncateSync(join(ref, 'endless'), 2 ** 42);
  writeFileSync(join(ref, 'small'), 'small');
  const child = fixture.startCopying({ REF: ref });
  let progress = '';
  child.stderr?.on('data', (text: string) => {
    progress += text;
  });
  const end = ended(child);
  await until(
    'bailey reports its progress',
    () => progress.includes('\n') || child.exitCode !== null || undefined,
    25_000,
  );
  child.kill('SIGTERM');
  const ran = await end;
  t.equal(ran.code, 143, `${ran.signal} ${ran.stderr}`);
  t.match(ran.stderr, /^bailey: filling \S+\/home: 2 of 2 reference files examined, 0 written\n/);
  t.notOk(existsSync(join(fixture.home, 'small')), 'after a signal no more files are renamed');
  t.strictSame(fixture.files(), ['copy_reference_file.log'], 'no partial file is left');
});

t.test('a short start reports no progress; more files than one batch are copied', async (t) => {
  const fixture = new ControllerFixture(t);
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    writeFileSync(join(fixture.ref, name), Buffer.alloc(30 * 1024 * 1024, name));
  for (let n = 0; n < 20; n++) writePlugin(join(fixture.ref, `plugins/${n}.jpi`), `${n}`);
  const ran = await fixture.copy();
  t.equal(ran.code, 0, ran.stderr);
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    t.ok(readFileSync(join(fixture.home, name)).equals(readFileSync(join(fixture.ref, name))), name);
  t.equal(fixture.log().length, 25);
  t.equal(fixture.files().filter((name) => name.endsWith('.pinned')).length, 20);
});
