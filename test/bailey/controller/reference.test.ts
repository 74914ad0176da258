/** The reference files: what `bailey jenkins true` leaves in JENKINS_HOME, by the rules of the official image. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { readPluginVersion } from '../../../src/bailey/controller/reference/plugin-version.ts';
import { program, requires } from '../../kit/needs.ts';
import { packJar, temporaryFolder } from '../kit/bailey.ts';
import { House } from './kit/controller-fixture.ts';
import { writePlugin } from './kit/plugin-archive.ts';

t.test('what is missing is copied, what is there stays, and an override replaces it', async (t) => {
  const house = new House(t);
  house.write(join(house.ref, 'new.txt'), 'image');
  house.write(join(house.ref, 'deep/er/new.txt'), 'image');
  house.write(join(house.ref, 'old.txt'), 'image');
  house.write(join(house.ref, 'forced.txt.override'), 'image');
  house.write(join(house.ref, 'both.txt'), 'plain');
  house.write(join(house.ref, 'both.txt.override'), 'override');
  mkdirSync(join(house.ref, 'empty'));
  house.write(join(house.home, 'old.txt'), 'home');
  house.write(join(house.home, 'forced.txt'), 'home');

  t.equal((await house.copy()).code, 0);
  t.strictSame(house.files(), [
    'both.txt',
    'copy_reference_file.log',
    'deep/er/new.txt',
    'forced.txt',
    'new.txt',
    'old.txt',
  ]);
  t.equal(house.text('new.txt'), 'image');
  t.equal(house.text('old.txt'), 'home');
  t.equal(house.text('forced.txt'), 'image');
  t.equal(house.text('both.txt'), 'override');
  t.notOk(existsSync(join(house.home, 'empty')), 'empty folders are skipped');
  t.strictSame(house.log(), [
    'INSTALLED both.txt',
    'INSTALLED deep/er/new.txt',
    'INSTALLED forced.txt',
    'INSTALLED new.txt',
  ]);

  house.write(join(house.home, 'new.txt'), 'changed');
  t.equal((await house.copy({ VERBOSE: 'x' })).code, 0);
  t.equal(house.text('new.txt'), 'changed', 'the second start leaves it alone');
  t.ok(house.log().includes('SKIPPED new.txt'), 'VERBOSE says so');
});

t.test('mode and times are those of the image; symlinks are followed', async (t) => {
  const house = new House(t);
  house.write(join(house.ref, 'run.sh'), 'image');
  chmodSync(join(house.ref, 'run.sh'), 0o555);
  utimesSync(join(house.ref, 'run.sh'), 1_000_000, 1_000_000);
  house.write(join(dirname(house.ref), 'elsewhere/inner.txt'), 'linked');
  symlinkSync('../elsewhere/inner.txt', join(house.ref, 'link.txt'));
  symlinkSync('../elsewhere', join(house.ref, 'linked'));
  symlinkSync('nowhere', join(house.ref, 'broken'));
  symlinkSync('.', join(house.ref, 'circle'));

  const ran = await house.copy();
  t.equal(ran.code, 0, ran.stderr);
  const { mode, mtimeMs } = statSync(join(house.home, 'run.sh'));
  t.equal(mode & 0o7777, 0o555);
  t.equal(mtimeMs, 1_000_000_000);
  t.ok(lstatSync(join(house.home, 'link.txt')).isFile());
  t.equal(house.text('link.txt'), 'linked');
  t.equal(house.text('linked/inner.txt'), 'linked');
  t.strictSame(house.files(), ['copy_reference_file.log', 'link.txt', 'linked/inner.txt', 'run.sh']);
  t.match(house.log().join('\n'), /SKIPPED .*\/ref\/broken : a symlink that leads nowhere/);
  t.match(house.log().join('\n'), /SKIPPED .*\/ref\/circle : a symlink that leads in a circle/);
});

/** Versions before; what is expected after. `-` in `marker` and `installed` is "not there". */
interface PluginCase {
  readonly rule: string;
  readonly image: string;
  readonly installed: string;
  readonly marker: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly override?: true;
  readonly log: string;
  readonly after: { readonly installed: string; readonly marker: string; readonly pinned: boolean };
}

const force = { PLUGINS_FORCE_UPGRADE: 'true' };
const adopt = { TRY_UPGRADE_IF_NO_MARKER: 'true' };
const pluginCases: readonly PluginCase[] = [
  {
    rule: 'missing',
    image: '1.0',
    installed: '-',
    marker: '-',
    log: 'INSTALLED',
    after: { installed: '1.0', marker: '1.0', pinned: true },
  },
  {
    rule: 'deleted by hand',
    image: '1.1',
    installed: '-',
    marker: '1.0',
    log: 'INSTALLED',
    after: { installed: '1.1', marker: '1.1', pinned: true },
  },
  {
    rule: 'the same',
    image: '1.0',
    installed: '1.0',
    marker: '1.0',
    log: '',
    after: { installed: '1.0', marker: '1.0', pinned: false },
  },
  {
    rule: 'image newer',
    image: '1.10',
    installed: '1.9',
    marker: '1.9',
    log: 'UPGRADED',
    after: { installed: '1.10', marker: '1.10', pinned: true },
  },
  {
    rule: 'image older',
    image: '1.0',
    installed: '1.1',
    marker: '1.1',
    log: 'SKIPPED',
    after: { installed: '1.1', marker: '1.1', pinned: false },
  },
  {
    rule: 'downgraded by hand',
    image: '1.2',
    installed: '1.0',
    marker: '1.1',
    log: 'UPGRADED',
    after: { installed: '1.2', marker: '1.2', pinned: true },
  },
  {
    rule: 'upgraded by hand',
    image: '3.0',
    installed: '2.0',
    marker: '1.0',
    log: 'SKIPPED',
    after: { installed: '2.0', marker: '1.0', pinned: false },
  },
  {
    rule: 'upgraded by hand, forced',
    image: '3.0',
    installed: '2.0',
    marker: '1.0',
    env: force,
    log: 'UPGRADED',
    after: { installed: '3.0', marker: '3.0', pinned: true },
  },
  {
    rule: 'upgraded by hand beyond the image, forced',
    image: '2.0',
    installed: '3.0',
    marker: '1.0',
    env: force,
    log: 'SKIPPED',
    after: { installed: '3.0', marker: '1.0', pinned: false },
  },
  {
    rule: 'no marker',
    image: '2.0',
    installed: '1.0',
    marker: '-',
    log: '',
    after: { installed: '1.0', marker: '-', pinned: false },
  },
  {
    rule: 'no marker, forced',
    image: '2.0',
    installed: '1.0',
    marker: '-',
    env: force,
    log: '',
    after: { installed: '1.0', marker: '-', pinned: false },
  },
  {
    rule: 'no marker, equal, allowed',
    image: '1.0',
    installed: '1.0',
    marker: '-',
    env: adopt,
    log: '',
    after: { installed: '1.0', marker: '1.0', pinned: false },
  },
  {
    rule: 'no marker, newer, allowed',
    image: '2.0',
    installed: '1.0',
    marker: '-',
    env: adopt,
    log: 'UPGRADED',
    after: { installed: '2.0', marker: '2.0', pinned: true },
  },
  {
    rule: 'no marker, older, allowed',
    image: '1.0',
    installed: '2.0',
    marker: '-',
    env: adopt,
    log: 'SKIPPED',
    after: { installed: '2.0', marker: '-', pinned: false },
  },
  {
    rule: 'override of a newer one',
    image: '1.0',
    installed: '2.0',
    marker: '-',
    override: true,
    log: 'INSTALLED',
    after: { installed: '1.0', marker: '1.0', pinned: true },
  },
  {
    rule: 'backport',
    image: '19.21.vab',
    installed: '19.vcd',
    marker: '19.vcd',
    log: 'UPGRADED',
    after: { installed: '19.21.vab', marker: '19.21.vab', pinned: true },
  },
];

t.test('plug-ins follow the image upwards, and are left to those who took them over', async (t) => {
  for (const { rule, image, installed, marker, env, override, log, after } of pluginCases) {
    const house = new House(t);
    const plugin = join(house.home, 'plugins/p.jpi');
    writePlugin(join(house.ref, `plugins/p.jpi${override ? '.override' : ''}`), image);
    if (installed !== '-') writePlugin(plugin, installed);
    if (marker !== '-') house.write(`${plugin}.version_from_image`, `${marker}\n`);

    const ran = await house.copy(env);
    t.equal(ran.code, 0, `${rule}: ${ran.stderr}`);
    const left = {
      installed: await readPluginVersion(plugin),
      marker: house.text('plugins/p.jpi.version_from_image')?.trim() ?? '-',
      pinned: existsSync(`${plugin}.pinned`),
    };
    t.strictSame(left, after, rule);
    t.equal(
      house
        .log()
        .map((line) => line.split(' ')[0])
        .join(),
      log,
      `${rule}: ${house.log().join('; ')}`,
    );
  }
});

t.test(
  'an .hpi follows the plain rule; archives that are none are left alone, or replaced by an image that knows better',
  async (t) => {
    const house = new House(t);
    writePlugin(join(house.ref, 'plugins/old.hpi'), '2.0');
    writePlugin(join(house.home, 'plugins/old.hpi'), '1.0');
    writePlugin(join(house.ref, 'plugins/broken.jpi'), '1.0');
    house.write(join(house.home, 'plugins/broken.jpi'), 'half an arch');
    house.write(join(house.home, 'plugins/broken.jpi.version_from_image'), '1.0\n');
    house.write(join(house.ref, 'plugins/fake.jpi'), 'no archive');

    const ran = await house.copy();
    t.equal(ran.code, 0, ran.stderr);
    t.equal(await readPluginVersion(join(house.home, 'plugins/old.hpi')), '1.0');
    t.notOk(existsSync(join(house.home, 'plugins/old.hpi.version_from_image')));
    t.equal(await readPluginVersion(join(house.home, 'plugins/broken.jpi')), '1.0');
    t.equal(house.text('plugins/fake.jpi'), 'no archive');
    t.equal((await house.copy()).code, 0);
    t.strictSame(house.log(), [], 'the second start has nothing to do');
  },
);

t.test('a start that was cut off between the marker and the archive is made good', async (t) => {
  const house = new House(t);
  const plugin = join(house.home, 'plugins/p.jpi');
  writePlugin(join(house.ref, 'plugins/p.jpi'), '2.0');
  writePlugin(plugin, '1.0');
  house.write(`${plugin}.version_from_image`, '2.0\n');
  house.write(`${plugin}.bailey-part`, 'half');
  t.equal((await house.copy()).code, 0);
  t.equal(await readPluginVersion(plugin), '2.0');
  t.notOk(existsSync(`${plugin}.bailey-part`));
});

t.test('variables are put into configuration, when asked for', async (t) => {
  const house = new House(t);
  const text = `a=\${A} b=\${B:-two} e=\${E:-three} u=\${U} s=$A c=\${A:-x}\xff`;
  for (const name of ['c.xml', 'c.conf', 'c.properties', 'c.groovy', 'c.txt']) {
    writeFileSync(join(house.ref, name), Buffer.from(text, 'latin1'));
  }
  const env = { A: 'ö"$&', E: '' };
  t.equal((await house.copy({ ...env, JENKINS_ENABLE_ENV_SUBST: 'true' })).code, 0);
  const expected = Buffer.concat([
    Buffer.from(`a=ö"$& b=two e=three u=\${U} s=$A c=ö"$&`),
    Buffer.from([0xff]),
  ]);
  for (const name of ['c.xml', 'c.conf', 'c.properties', 'c.groovy'])
    t.strictSame(readFileSync(join(house.home, name)), expected, name);
  t.strictSame(readFileSync(join(house.home, 'c.txt')), Buffer.from(text, 'latin1'), 'no configuration');

  const plain = new House(t);
  plain.write(join(plain.ref, 'c.xml'), text);
  t.equal((await plain.copy(env)).code, 0);
  t.equal(plain.text('c.xml'), text, 'off by default');
});

t.test('PRE_CLEAR_INIT_GROOVY_D removes the scripts of earlier images', async (t) => {
  const house = new House(t);
  house.write(join(house.home, 'init.groovy.d/old.groovy'), 'old');
  house.write(join(house.ref, 'init.groovy.d/new.groovy'), 'new');
  t.equal((await house.copy({ PRE_CLEAR_INIT_GROOVY_D: '1' })).code, 0);
  t.strictSame(house.files(), ['copy_reference_file.log', 'init.groovy.d/new.groovy']);
});

t.test('the log may be elsewhere, and no reference folder is an empty one', async (t) => {
  const house = new House(t);
  const log = join(dirname(house.home), 'elsewhere.log');
  t.equal((await house.copy({ COPY_REFERENCE_FILE_LOG: log, REF: '/no/such/folder' })).code, 0);
  t.match(readFileSync(log, 'utf8'), /^--- Copying files at .+\n$/);
  t.strictSame(house.files(), []);
});

if (requires(t, program('jar'))) {
  t.test('the manifest of a compressed archive with long lines', async (t) => {
    const folder = temporaryFolder(t);
    const version = `1.${'2'.repeat(80)}.v0123`;
    const jar = packJar(folder, `Long-Name: x\nPlugin-Version: ${version}\n`);
    t.equal(await readPluginVersion(jar), version);
    t.equal(await readPluginVersion('/bin/sh'), '', 'no archive');
  });
}
