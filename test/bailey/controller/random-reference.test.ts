/**
 * Random homes, reference folders and environments, compared with a second implementation of the rules
 * (kit/reference-model.ts): a first start, a second one that must change nothing, and one that is killed and then completed
 * by the next start. BAILEY_TEST_SEED=N repeats a run, BAILEY_TEST_ROUNDS=N sets the number of cases.
 */
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { program, requires } from '../../kit/needs.ts';
import { Random } from '../../kit/random.ts';
import { type Ended, installBailey, run, temporaryFolder } from '../kit/bailey.ts';
import { type Folders, fillAtRandom, randomEnvironment, randomVersion } from './kit/random-fixture.ts';
import {
  expectedOutcome,
  type Files,
  type ModelFile,
  type Outcome,
  order,
  orderBySort,
  readFiles,
} from './kit/reference-model.ts';

const seed = Number(process.env['BAILEY_TEST_SEED'] ?? 20_262);
const rounds = Number(process.env['BAILEY_TEST_ROUNDS'] ?? 12);
const logName = 'copy_reference_file.log';
/** Files that bailey writes for itself, outside the rules. */
const own = [logName, '.bailey-plugin-versions.json'];

/** The files of the home without those of bailey. */
function homeFiles({ home }: Folders): Map<string, ModelFile> {
  const files = readFiles(home, false);
  for (const name of own) files.delete(name);
  return files;
}

t.comment(`BAILEY_TEST_SEED=${seed}`);

t.test('the model agrees with sort -V for versions without hashes', async (t) => {
  const random = new Random(seed);
  const plain = (): string => randomVersion(random).replace(/\.v[0-9a-f_]+$/, '');
  for (let pair = 0; pair < 60; pair++) {
    const [a, b] = [plain(), plain()];
    t.equal(Math.sign(order(a, b)), orderBySort(a, b), `${a} and ${b}`);
  }
});

/** One case: folders, environment, and the expected result. */
interface Case {
  readonly folders: Folders;
  readonly env: NodeJS.ProcessEnv;
  readonly before: Files;
  readonly expected: Outcome;
}

function makeCase(folder: string, random: Random): Case {
  const folders = {
    ref: join(folder, 'ref'),
    home: join(folder, 'home'),
    elsewhere: join(folder, 'elsewhere'),
  };
  for (const path of Object.values(folders)) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
  }
  fillAtRandom(random, folders);
  const env = {
    PATH: process.env['PATH'],
    JENKINS_HOME: folders.home,
    REF: folders.ref,
    ...randomEnvironment(random),
  };
  const before = readFiles(folders.home, false);
  return { folders, env, before, expected: expectedOutcome(readFiles(folders.ref, true), before, env) };
}

/** Asserts that the home is exactly as the rules require. */
function sameAs(t: Test, { folders }: Case, expected: Outcome, what: string): void {
  const found = homeFiles(folders);
  t.strictSame(
    [...found.keys()].sort(),
    [...expected.files.keys()].sort(),
    `${what}: exactly the expected files`,
  );
  for (const [path, { content, like }] of expected.files) {
    const file = found.get(path);
    const wanted = { content, mode: like?.mode ?? file?.mode, mtimeMs: like?.mtimeMs ?? file?.mtimeMs };
    t.strictSame(file, wanted, `${what}: ${path}`);
  }
}

/** Compares the log lines of the last start with the rules. */
function logSays(t: Test, { folders }: Case, expected: Outcome, what: string): void {
  const all = readFileSync(join(folders.home, logName), 'utf8').trimEnd().split('\n');
  const lines = all.slice(all.findLastIndex((line) => line.startsWith('--- Copying files at ')) + 1);
  const nowhere = lines.filter((line) => line.endsWith(' : a dangling symlink'));
  t.equal(nowhere.length, dangling(folders.ref), `${what}: each symlink to nowhere has a line`);
  const rest = lines.filter((line) => !nowhere.includes(line));
  t.equal(rest.length, expected.log.length, `${what}: ${rest.join('; ')}`);
  for (const { begins, has } of expected.log) {
    const line = rest.find((one) => one === begins || one.startsWith(`${begins} : `));
    t.ok(
      line !== undefined && has.every((word) => line.includes(word)),
      `${what}: ${begins} (${has}): ${line}`,
    );
  }
}

const dangling = (folder: string): number =>
  (readdirSync(folder, { recursive: true, encoding: 'utf8' }) as string[]).filter(
    (name) => lstatSync(join(folder, name)).isSymbolicLink() && !existsSync(join(folder, name)),
  ).length;

const inodes = (home: string, paths: Iterable<string>): readonly (readonly [string, number])[] =>
  [...paths].map((path) => [path, lstatSync(join(home, path)).ino] as const);

/** Whether a further start would not write the file again: it is neither an override nor cleared before. */
function untouched({ folders, env }: Case, expected: Outcome): string[] {
  const reference = readFiles(folders.ref, true);
  const cleared = (env['PRE_CLEAR_INIT_GROOVY_D'] ?? '') !== '';
  return [...expected.files.keys()].filter((path) => {
    const owner = path.replace(/\.version_from_image$/, '');
    return !reference.has(`${owner}.override`) && !(cleared && path.startsWith('init.groovy.d/'));
  });
}

const start = (bailey: string, { env }: Case, below: readonly string[] = []): Promise<Ended> =>
  run(bailey, { args: ['jenkins', 'true'], env, below });

if (requires(t, program('strace'))) {
  t.test(
    `${rounds} random homes are as the model requires after a start, a second one, and a start that was killed`,
    async (t) => {
      const random = new Random(seed);
      const folder = temporaryFolder(t);
      const bailey = installBailey(folder);
      let inTheMiddle = 0;
      for (let round = 0; round < rounds; round++) {
        const one = makeCase(folder, random);
        const what = `seed ${seed}, round ${round}`;
        const untouchedHome = join(folder, 'before');
        rmSync(untouchedHome, { recursive: true, force: true });
        cpSync(one.folders.home, untouchedHome, { recursive: true, preserveTimestamps: true });

        const first = await start(bailey, one);
        t.equal(first.code, 0, `${what}: ${first.signal} ${first.stderr}`);
        sameAs(t, one, one.expected, what);
        logSays(t, one, one.expected, what);

        const before = homeFiles(one.folders);
        const again = expectedOutcome(readFiles(one.folders.ref, true), before, one.env);
        const stays = inodes(one.folders.home, untouched(one, again));
        t.equal((await start(bailey, one)).code, 0, what);
        sameAs(t, one, one.expected, `${what}, second start`);
        logSays(t, one, again, `${what}, second start`);
        t.strictSame(
          inodes(
            one.folders.home,
            stays.map(([path]) => path),
          ),
          stays,
          `${what}: not written again`,
        );

        rmSync(one.folders.home, { recursive: true });
        cpSync(untouchedHome, one.folders.home, { recursive: true, preserveTimestamps: true });
        await start(bailey, one, killing(random));
        if (isInTheMiddle(one)) inTheMiddle++;
        nothingHalf(t, one, what);
        t.equal((await start(bailey, one)).code, 0, what);
        sameAs(t, one, one.expected, `${what}, after a kill`);
        if (!t.passing()) break; // the first failing case ends the test
      }
      t.ok(
        inTheMiddle > rounds / 4,
        `${inTheMiddle} of ${rounds} starts were killed after some, but not all, files`,
      );
    },
  );
}

/** System calls that place files, and their approximate number in the busiest thread. */
const deadly: readonly (readonly [calls: string, count: number])[] = [
  ['?rename,?renameat,?renameat2', 20],
  ['fchmod', 10],
  ['fsync', 1],
  ['copy_file_range', 3],
];

/** A strace command that kills the program at one of these calls; strace counts per thread. */
function killing(random: Random): string[] {
  // Half of the kills at calls whose order matters.
  const [calls, count] = random.chance(0.5) ? (deadly[0] as (typeof deadly)[0]) : random.pick(deadly);
  const options = ['--follow-forks', '--quiet=all', '--output=/dev/null'];
  return ['strace', ...options, `--inject=${calls}:signal=KILL:when=${1 + random.below(count)}`];
}

/** Whether some, but not all, files have been written. */
function isInTheMiddle({ folders, before, expected }: Case): boolean {
  const found = homeFiles(folders);
  const is = (files: ReadonlyMap<string, { readonly content: string }>): boolean =>
    found.size === files.size &&
    [...files].every(([path, file]) => found.get(path)?.content === file.content);
  return !is(before) && !is(expected.files);
}

/** Asserts that after a kill each file is old, new or missing; partial files have temporary names. */
function nothingHalf(t: Test, { folders, before, expected }: Case, what: string): void {
  for (const [path, { content }] of homeFiles(folders)) {
    if (path.endsWith('.bailey-part')) continue;
    const allowed = [before.get(path)?.content, expected.files.get(path)?.content];
    t.ok(allowed.includes(content), `${what}, killed: ${path} is whole`);
  }
}
