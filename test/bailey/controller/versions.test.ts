/** The order of plug-in versions; the pairs are from jenkinsci/docker #1456, #1880, #2328 and #2361. */
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { compareVersions } from '../../../src/bailey/controller/plugin-version-order.ts';
import { Random } from '../../kit/random.ts';

const olderThenNewer: readonly [string, string][] = [
  ['1.0', '1.1'],
  ['1.9', '1.10'],
  ['1.0', '1.0.1'],
  ['2.9.9', '10.0'],
  ['', '0.1'],
  ['1.2-3', '1.2-10'],
  ['1337.v60b_d7b_c7b_c9f', '1338.v0e6ec0fcfcf6'],
  ['3.12.0.0', '3.12.0-36.vd97de6465d5b_'],
  ['4.5.14-208.v438351942757', '4.5.14-269.vfa_2321039a_83'],
  ['5.6-191.vb_47e2b_41c698', '5.6.1-195.v65ffe15189a_d'],
  ['9.10-211.v7d13903b_a_d89', '9.10.1-216.va_9256d3b_844b_'],
  ['1967.vdea_d580c1a_b_a_', '1967.1969.v205fd594c821'],
  ['1571.vb_423c255d6d9', '1571.1580.v18e46842c125'],
  ['1967.1969.v205fd594c821', '1968.vdea_d580c1a_b_a_'],
  ['3894.vd0f0248b_a_fc4', '3894.3896.vca_2c931e7935'],
];

t.test('the newer version is newer, in either order of arguments', async (t) => {
  for (const [older, newer] of olderThenNewer) {
    t.ok(compareVersions(older, newer) < 0, `${older} < ${newer}`);
    t.ok(compareVersions(newer, older) > 0, `${newer} > ${older}`);
  }
});

t.test('versions that differ only in separators or hashes are equal', async (t) => {
  t.equal(compareVersions('1.2.3', '1.2.3'), 0);
  t.equal(compareVersions('', ''), 0);
  t.equal(compareVersions('1.2-3', '1.2.3'), 0);
  t.equal(compareVersions('123.vaaa', '123.vbbb'), 0, 'hashes have no order');
});

/** The order of sort -V: negative, positive, or 0 when it keeps the order of two lines. */
function orderOfSort(a: string, b: string): number {
  const first = (...lines: readonly string[]): string =>
    execFileSync('sort', ['--version-sort', '--stable'], {
      input: `${lines.join('\n')}\n`,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    }).split('\n')[0] ?? '';
  if (a === b || first(a, b) !== first(b, a)) return 0;
  return first(a, b) === a ? -1 : 1;
}

t.test('versions without hashes have the order of sort -V', async (t) => {
  const random = Random.ofTest(t, 'BAILEY_TEST_SEED', 20_263);
  const parts = [
    '0',
    '1',
    '01',
    '2',
    '10',
    '9',
    'beta',
    'beta2',
    'rc',
    'rc10',
    'SNAPSHOT',
    'Final',
    'a_b',
    '1a',
    '~x',
  ];
  const version = (): string => {
    let made = random.pick(['1', '2', '10']);
    for (let more = random.below(4); more > 0; more--) made += random.pick(['.', '-']) + random.pick(parts);
    return made;
  };
  for (let pair = 0; pair < 80; pair++) {
    const [a, b] = [version(), version()];
    const expected = orderOfSort(a.replaceAll('-', '.'), b.replaceAll('-', '.'));
    t.equal(Math.sign(compareVersions(a, b)), expected, `${a} and ${b}`);
  }
});
