/** Reference files: the JENKINS_HOME after `bailey jenkins true`, by the rules of the official image. */
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
import { ControllerFixture } from './kit/controller-fixture.ts';
import { writePlugin } from './kit/plugin-archive.ts';

t.test('missing files are copied, existing files stay, and an override replaces them', async (t) => {
  const fixture = new ControllerFixture(t);
  fixture.write(join(fixture.ref, 'new.txt'), 'image');
  fixture.write(join(fixture.ref, 'deep/er/new.txt'), 'image');
  fixture.write(join(fixture.ref, 'old.txt'), 'image');
  fixture.write(join(fixture.ref, 'forced.txt.override'), 'image');
  fixture.write(join(fixture.ref, 'both.txt'), 'plain');
  fixture.write(join(fixture.ref, 'both.txt.override'), 'override');
  mkdirSync(join(fixture.ref, 'empty'));
  fixture.write(join(fixture.home, 'old.txt'), 'home');
  fixture.write(join(fixture.home, 'forced.txt'), 'home');

  t.equal((await fixture.copy()).code, 0);
  t.strictSame(fixture.files(), [
    'both.txt',
    'copy_reference_file.log',
    'deep/er/new.txt',
    'forced.txt',
    'new.txt',
    'old.txt',
  ]);
  t.equal(fixture.text('new.txt'), 'image');
  t.equal(fixture.text('old.txt'), 'home');
  t.equal(fixture.text('forced.txt'), 'image');
  t.equal(fixture.text('both.txt'), 'override');
  t.notOk(existsSync(join(fixture.home, 'empty')), 'empty folders are skipped');
  t.strictSame(fixture.log(), [
    'INSTALLED both.txt',
    'INSTALLED deep/er/new.txt',
    'INSTALLED forced.txt',
    'INSTALLED new.txt',
  ]);

  fixture.write(join(fixture.home, 'new.txt'), 'changed');
  t.equal((await fixture.copy({ VERBOSE: 'x' })).code, 0);
  t.equal(fixture.text('new.txt'), 'changed', 'the second start does not change it');
  t.ok(fixture.log().includes('SKIPPED new.txt'), 'VERBOSE logs the file');
});

t.test('copies keep the mode and times of the image; symlinks are followed', async (t) => {
  const fixture = new ControllerFixture(t);
  fixture.write(join(fixture.ref, 'run.sh'), 'image');
  chmodSync(join(fixture.ref, 'run.sh'), 0o555);
  utimesSync(join(fixture.ref, 'run.sh'), 1_000_000, 1_000_000);
  fixture.write(join(dirname(fixture.ref), 'elsewhere/inner.txt'), 'linked');
  symlinkSync('../elsewhere/inner.txt', join(fixture.ref, 'link.txt'));
  symlinkSync('../elsewhere', join(fixture.ref, 'linked'));
  symlinkSync('nowhere', join(fixture.ref, 'broken'));
  symlinkSync('.', join(fixture.ref, 'circle'));

  const ran = await fixture.copy();
  t.equal(ran.code, 0, ran.stderr);
  const { mode, mtimeMs } = statSync(join(fixture.home, 'run.sh'));
  t.equal(mode & 0o7777, 0o555);
  t.equal(mtimeMs, 1_000_000_000);
  t.ok(lstatSync(join(fixture.home, 'link.txt')).isFile());
  t.equal(fixture.text('link.txt'), 'linked');
  t.equal(fixture.text('linked/inner.txt'), 'linked');
  t.strictSame(fixture.files(), ['copy_reference_file.log', 'link.txt', 'linked/inner.txt', 'run.sh']);
  t.match(fixture.log().join('\n'), /SKIPPED .*\/ref\/broken : a dangling symlink/);
  t.match(fixture.log().join('\n'), /SKIPPED .*\/ref\/circle : a circular symlink/);
});

/** Versions before the start, and the expected result. `-` in `marker` and `installed` means missing. */
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

t.test(
  'plug-ins are upgraded with the image, never downgraded, and left alone after manual upgrades',
  async (t) => {
    for (const { rule, image, installed, marker, env, override, log, after } of pluginCases) {
      const fixture = new ControllerFixture(t);
      const plugin = join(fixture.home, 'plugins/p.jpi');
      writePlugin(join(fixture.ref, `plugins/p.jpi${override ? '.override' : ''}`), image);
      if (installed !== '-') writePlugin(plugin, installed);
      if (marker !== '-') fixture.write(`${plugin}.version_from_image`, `${marker}\n`);

      const ran = await fixture.copy(env);
      t.equal(ran.code, 0, `${rule}: ${ran.stderr}`);
      const left = {
        installed: await readPluginVersion(plugin),
        marker: fixture.text('plugins/p.jpi.version_from_image')?.trim() ?? '-',
        pinned: existsSync(`${plugin}.pinned`),
      };
      t.strictSame(left, after, rule);
      t.equal(
        fixture
          .log()
          .map((line) => line.split(' ')[0])
          .join(),
        log,
        `${rule}: ${fixture.log().join('; ')}`,
      );
    }
  },
);

t.test(
  'an .hpi is treated as any other file; a damaged archive stays, or is replaced if the image has a known version',
  async (t) => {
    const fixture = new ControllerFixture(t);
    writePlugin(join(fixture.ref, 'plugins/old.hpi'), '2.0');
    writePlugin(join(fixture.home, 'plugins/old.hpi'), '1.0');
    writePlugin(join(fixture.ref, 'plugins/broken.jpi'), '1.0');
    fixture.write(join(fixture.home, 'plugins/broken.jpi'), 'half an arch');
    fixture.write(join(fixture.home, 'plugins/broken.jpi.version_from_image'), '1.0\n');
    fixture.write(join(fixture.ref, 'plugins/fake.jpi'), 'no archive');

    const ran = await fixture.copy();
    t.equal(ran.code, 0, ran.stderr);
    t.equal(await readPluginVersion(join(fixture.home, 'plugins/old.hpi')), '1.0');
    t.notOk(existsSync(join(fixture.home, 'plugins/old.hpi.version_from_image')));
    t.equal(await readPluginVersion(join(fixture.home, 'plugins/broken.jpi')), '1.0');
    t.equal(fixture.text('plugins/fake.jpi'), 'no archive');
    t.equal((await fixture.copy()).code, 0);
    t.strictSame(fixture.log(), [], 'the second start changes nothing');
  },
);

t.test('a start interrupted between marker and archive is completed by the next start', async (t) => {
  const fixture = new ControllerFixture(t);
  const plugin = join(fixture.home, 'plugins/p.jpi');
  writePlugin(join(fixture.ref, 'plugins/p.jpi'), '2.0');
  writePlugin(plugin, '1.0');
  fixture.write(`${plugin}.version_from_image`, '2.0\n');
  fixture.write(`${plugin}.bailey-part`, 'half');
  t.equal((await fixture.copy()).code, 0);
  t.equal(await readPluginVersion(plugin), '2.0');
  t.notOk(existsSync(`${plugin}.bailey-part`));
});

t.test('variables are substituted in configuration files only when enabled', async (t) => {
  const fixture = new ControllerFixture(t);
  const text = `a=\${A} b=\${B:-two} e=\${E:-three} u=\${U} s=$A c=\${A:-x}\xff`;
  for (const name of ['c.xml', 'c.conf', 'c.properties', 'c.groovy', 'c.txt']) {
    writeFileSync(join(fixture.ref, name), Buffer.from(text, 'latin1'));
  }
  const env = { A: 'ö"$&', E: '' };
  t.equal((await fixture.copy({ ...env, JENKINS_ENABLE_ENV_SUBST: 'true' })).code, 0);
  const expected = Buffer.concat([
    Buffer.from(`a=ö"$& b=two e=three u=\${U} s=$A c=ö"$&`),
    Buffer.from([0xff]),
  ]);
  for (const name of ['c.xml', 'c.conf', 'c.properties', 'c.groovy'])
    t.strictSame(readFileSync(join(fixture.home, name)), expected, name);
  t.strictSame(
    readFileSync(join(fixture.home, 'c.txt')),
    Buffer.from(text, 'latin1'),
    'not a configuration file',
  );

  const plain = new ControllerFixture(t);
  plain.write(join(plain.ref, 'c.xml'), text);
  t.equal((await plain.copy(env)).code, 0);
  t.equal(plain.text('c.xml'), text, 'off by default');
});

t.test('PRE_CLEAR_INIT_GROOVY_D removes the scripts of earlier images', async (t) => {
  const fixture = new ControllerFixture(t);
  fixture.write(join(fixture.home, 'init.groovy.d/old.groovy'), 'old');
  fixture.write(join(fixture.ref, 'init.groovy.d/new.groovy'), 'new');
  t.equal((await fixture.copy({ PRE_CLEAR_INIT_GROOVY_D: '1' })).code, 0);
  t.strictSame(fixture.files(), ['copy_reference_file.log', 'init.groovy.d/new.groovy']);
});

t.test('the log may have another path, and a missing reference folder counts as empty', async (t) => {
  const fixture = new ControllerFixture(t);
  const log = join(dirname(fixture.home), 'elsewhere.log');
  t.equal((await fixture.copy({ COPY_REFERENCE_FILE_LOG: log, REF: '/no/such/folder' })).code, 0);
  t.match(readFileSync(log, 'utf8'), /^--- Copying files at .+\n$/);
  t.strictSame(fixture.files(), []);
});

if (requires(t, program('jar'))) {
  t.test('the version is read from a compressed manifest with long lines', async (t) => {
    const folder = temporaryFolder(t);
    const version = `1.${'2'.repeat(80)}.v0123`;
    const jar = packJar(folder, `Long-Name: x\nPlugin-Version: ${version}\n`);
    t.equal(await readPluginVersion(jar), version);
    t.equal(await readPluginVersion('/bin/sh'), '', 'no archive');
  });
}
