import { chmodSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Random } from '../../../kit/random.ts';
import { writePlugin } from './plugin-archive.ts';

/** The folders of a case; all exist and are empty before {@link fillAtRandom}. */
export interface Folders {
  readonly ref: string;
  readonly home: string;
  /** Contains the targets of symlinks in the reference folder. */
  readonly elsewhere: string;
}

/** A random version: of a library, an automated release, its backport, or a release that wraps a library's version. */
export function randomVersion(random: Random): string {
  const n = (): number => random.below(4);
  const hash = (): string => `v${random.pick(['0a1b2c', 'dead_beef', '9', 'b_47e2b_41c698', 'a_256d3b'])}`;
  switch (random.below(7)) {
    case 0:
      return `${n()}.${n()}`;
    case 1:
      return `${n()}.${n()}.${n() * 5}`;
    case 2:
      return `${n()}.${n()}-${n()}`;
    case 3:
      return `${n()}.${hash()}`;
    case 4:
      return `${n()}.${n()}.${hash()}`;
    case 5:
      return `${n()}.${n()}-${n() * 90}.${hash()}`;
    default:
      return `${n()}.${n()}.${n()}-${n() * 90}.${hash()}`;
  }
}

const plainNames = [
  'config.xml',
  'top level.txt',
  'init.groovy.d/one.groovy',
  'init.groovy.d/two.groovy',
  'jobs/a/config.xml',
  'jobs/a/builds/legacyIds',
  'deep/er/and/er.properties',
  'deep/er/plain.conf',
  'plugins/old.hpi',
  'plugins/notes.txt',
  'not-plugins/like.jpi',
  'ends.overridden',
];
const pluginNames = ['git', 'structs', 'a b', 'matrix-auth', 'sub/folder', 'workflow.job', 'x'].map(
  (name) => `plugins/${name}.jpi`,
);
const texts = [
  'plain\n',
  '',
  `a=\${GIVEN} b=\${UNSET} c=\${UNSET:-some default} d=\${EMPTY:-is empty}\n`,
  `\${GIVEN:-not this}\${}\${9}$GIVEN \${EMPTY}|\${UNSET:-}|\xe9\xff`,
];
const modes = [0o644, 0o600, 0o755, 0o444, 0o400, 0o640];

/** Fills a reference folder and a home so that all combinations of rules occur. */
export function fillAtRandom(random: Random, { ref, home, elsewhere }: Folders): void {
  for (const name of plainNames) {
    const kind = random.below(6);
    if (kind === 0 && random.chance(0.5))
      mkdirSync(join(ref, dirname(name), `empty-${name.length}`), { recursive: true });
    if (kind === 1 || kind === 2) writeText(random, join(ref, name));
    if (kind === 2 || kind === 3) writeText(random, join(ref, `${name}.override`));
    if (kind === 4) {
      writeText(random, join(elsewhere, name));
      link(join(elsewhere, name), join(ref, `${name}${random.pick(['', '.override'])}`));
    }
    if (kind === 5 && random.chance(0.3)) link('leads/nowhere', join(ref, name));
    if (random.chance(0.4)) writeText(random, join(home, name));
  }
  if (random.chance(0.5)) {
    writeText(random, join(elsewhere, 'folder/inner.xml'));
    link(join(elsewhere, 'folder'), join(ref, 'linked'));
  }
  for (const name of pluginNames) fillPlugin(random, name, { ref, home, elsewhere });
}

function fillPlugin(random: Random, name: string, { ref, home, elsewhere }: Folders): void {
  const image = join(ref, name);
  const installed = join(home, name);
  const kind = random.below(10);
  if (kind === 0) link('leads/nowhere', image);
  else if (kind === 1) {
    writeArchive(random, join(elsewhere, name));
    link(join(elsewhere, name), image);
  } else if (kind === 2) {
    if (random.chance(0.5)) writeArchive(random, image);
    writeArchive(random, `${image}.override`);
  } else if (kind > 3) writeArchive(random, image);

  const before = random.below(5);
  if (before === 1 && kind > 3) {
    mkdirSync(dirname(installed), { recursive: true });
    writeFileSync(installed, readFileSync(image));
  } else if (before > 1) writeArchive(random, installed);
  if (random.chance(0.65)) writeMarker(`${installed}.version_from_image`, randomVersion(random));
  if (random.chance(0.2)) writeMarker(`${installed}.pinned`, '');
}

function writeMarker(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text === '' ? '' : `${text}\n`);
}

function writeArchive(random: Random, path: string): void {
  if (random.chance(0.1)) {
    writeText(random, path); // not an archive
    return;
  }
  writePlugin(path, randomVersion(random), [`Random: ${random.next()}`]);
  setModeAndTimes(random, path);
}

function writeText(random: Random, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.from(`${random.pick(texts)}${random.below(1000)}`, 'latin1'));
  setModeAndTimes(random, path);
}

function setModeAndTimes(random: Random, path: string): void {
  chmodSync(path, random.pick(modes));
  const seconds = 1_000_000_000 + random.below(700_000_000);
  utimesSync(path, seconds, seconds);
}

function link(to: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(to, path);
}

/** Random values, on and off, of the variables in the rules. */
export function randomEnvironment(random: Random): NodeJS.ProcessEnv {
  const sometimes = (name: string, ...values: readonly string[]): NodeJS.ProcessEnv =>
    random.chance(0.4) ? { [name]: random.pick(values) } : {};
  return {
    GIVEN: 'a "value" $& with\\all',
    EMPTY: '',
    ...sometimes('VERBOSE', '1', 'false', ''),
    ...sometimes('PLUGINS_FORCE_UPGRADE', 'true', 'no', ''),
    ...sometimes('TRY_UPGRADE_IF_NO_MARKER', 'true', '0', ''),
    ...sometimes('PRE_CLEAR_INIT_GROOVY_D', 'y', ''),
    ...sometimes('JENKINS_ENABLE_ENV_SUBST', 'true', 'TRUE', ''),
  };
}
