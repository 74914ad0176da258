// The ELF structure and the size of the static programs, for every machine for which they are built.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import t, { type Test } from 'tap';
import { type Need, program, requires } from '../kit/needs.ts';

/** The folder of a build for a machine, the machine's name in readelf(1), and the musl that the build needs. */
interface Built {
  readonly folder: string;
  readonly machine: RegExp;
  readonly musl: () => Need;
}

const here = process.arch === 'arm64' ? /AArch64/ : /X86-64/;
const muslFor = (machine: string) => () =>
  existsSync(`build/musl/${machine}`) ? undefined : `needs scripts/get-musl.sh ${machine}`;
const builds: readonly Built[] = [
  { folder: 'dist', machine: here, musl: program('musl-gcc') },
  {
    folder: 'dist/amd64',
    machine: /X86-64/,
    musl: process.arch === 'x64' ? program('musl-gcc') : muslFor('x86_64'),
  },
  {
    folder: 'dist/arm64',
    machine: /AArch64/,
    musl: process.arch === 'arm64' ? program('musl-gcc') : muslFor('aarch64'),
  },
];

t.test('the other names of bailey-init are copies: npm packs no symbolic links', (t) => {
  const program = readFileSync('dist/bailey-init');
  for (const name of ['docker-init', 'tini', 'dumb-init', 'catatonit']) {
    t.ok(lstatSync(`dist/${name}`).isFile(), name);
    t.ok(readFileSync(`dist/${name}`).equals(program), `${name} has the same content`);
  }
  t.end();
});

function readelf(file: string, ...options: string[]): string {
  return spawnSync('readelf', ['--wide', ...options, file], { encoding: 'utf8' }).stdout;
}

/** The flags of a file's segments of one type, such as `R E`. */
function flags(segments: string, type: string): string[] {
  return segments
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith(`${type} `))
    .map((line) => line.split(/\s+/).slice(6, -1).join(' '));
}

function check(sub: Test, file: string, machine: RegExp, mostKb: number): void {
  const header = readelf(file, '--file-header');
  const segments = readelf(file, '--segments');
  sub.match(header, machine, 'machine');
  sub.notMatch(segments, /INTERP|DYNAMIC/, 'static: neither loader nor libraries');
  sub.notMatch(readelf(file, '--sections'), /\.symtab|\.debug/, 'stripped');
  const loaded = flags(segments, 'LOAD');
  sub.ok(
    loaded.length > 0 && loaded.every((flag) => !(flag.includes('W') && flag.includes('E'))),
    `${loaded}`,
  );
  sub.same(flags(segments, 'GNU_STACK'), ['RW'], 'the stack is not executable');
  sub.ok(statSync(file).size <= mostKb * 1024, `at most ${mostKb} KB: ${statSync(file).size}`);
}

for (const { folder, machine, musl } of builds)
  t.test(
    `the programs in ${folder} are small, static and stripped, without an executable stack`,
    async (sub) => {
      const built = () =>
        existsSync(`${folder}/bailey-init`)
          ? undefined
          : `needs npm run build -- --target ${folder.slice(5)}`;
      if (!requires(sub, built, musl, program('readelf'))) return;
      // bailey-init stays in memory as long as its container runs. castle-mount runs for milliseconds.
      check(sub, `${folder}/bailey-init`, machine, 48);
      check(sub, `${folder}/castle-mount`, machine, 64);
    },
  );
