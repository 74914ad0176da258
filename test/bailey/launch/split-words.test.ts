/** Splitting of option variables, compared with the xargs of this machine. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { splitWords } from '../../../src/bailey/launch/split-words.ts';
import { Failure } from '../../../src/terminal/failure.ts';
import { program, requires } from '../../kit/needs.ts';
import { Random } from '../../kit/random.ts';

/** The words of xargs, or undefined when it rejects the text. */
function xargs(text: string): string[] | undefined {
  // -x -n 1 would hide empty words; printf repeats its format for each word.
  const { status, stdout } = spawnSync('xargs', ['printf', '%s\\0'], {
    input: `${text}\n`,
    encoding: 'utf8',
  });
  return status === 0 ? stdout.split('\0').slice(0, -1) : undefined;
}

function ours(text: string): string[] | undefined {
  try {
    return splitWords('X', text);
  } catch (thrown) {
    if (thrown instanceof Failure) return undefined;
    throw thrown;
  }
}

if (requires(t, program('xargs'))) {
  t.test('400 random texts are split as xargs splits them', async (t) => {
    const numbers = Random.ofTest(t, 'BAILEY_TEST_SEED', 20_260);
    const random = (): number => numbers.next();
    const pieces = [
      'a',
      'b',
      '-D',
      '=',
      ' ',
      '\t',
      '\n',
      '"',
      "'",
      '\\',
      '"x y"',
      "'x y'",
      '$(id)',
      '*',
      'ü',
    ];
    const wrong: unknown[] = [];
    let split = 0;
    for (let n = 0; n < 400; n++) {
      const length = Math.floor(random() * 10);
      const text = `w${Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join('')}`;
      if (text.endsWith('\\')) continue; // the backslash would escape the newline of the here-string
      const expected = xargs(text);
      if (expected !== undefined) split++;
      const got = ours(text);
      if (JSON.stringify(got) !== JSON.stringify(expected)) wrong.push({ text, got, expected });
    }
    t.strictSame(wrong, []);
    t.ok(split > 100, `${split} of them could be split`);
  });
}

t.test('an empty text has no words', async (t) => {
  t.strictSame(splitWords('X', ''), []);
  t.strictSame(splitWords('X', ' \n\t '), []);
  t.strictSame(splitWords('X', '""'), ['']);
  t.strictSame(splitWords('X', 'a\u00a0b'), ['a\u00a0b'], 'a no-break space does not separate');
});

t.test('an error names the variable and the position, without the value', async (t) => {
  t.throws(() => splitWords('JAVA_OPTS', '-Da=1 -Dpw="secret'), {
    kind: 'config',
    message:
      'JAVA_OPTS has a double quote at character 12 (after -Dpw=) that is not closed on its line; close the quote, or write \\ before it to make it an ordinary character',
  });
  t.throws(() => splitWords('JENKINS_OPTS', "it's"), {
    message: /JENKINS_OPTS has a single quote at character 3/,
  });
  t.throws(() => splitWords('X', '"a\nb"'), { message: /character 1 that is not closed on its line/ });
  t.throws(() => splitWords('X', 'a\\'), { message: /^X ends with a backslash/ });
});
