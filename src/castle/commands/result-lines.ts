import { hasColors, paint } from '../../terminal/colors.ts';
import { printable } from '../../terminal/printable.ts';
import { colorOf } from './state-color.ts';

/** The widest word, `warning`, and two spaces. */
const width = 9;

/**
 * Lines for a result: the word, the text, and below it what to do. On a terminal, the word has its color.
 * @param word as in `ok` or `removed`
 */
export function resultLines(word: string, text: string, remedy: string | undefined): readonly string[] {
  const color = hasColors(process.stdout, process.env) ? colorOf(word) : undefined;
  const line = `${paint(word, color)}${' '.repeat(width - word.length)}${printable(text)}`;
  return remedy === undefined ? [line] : [line, `${' '.repeat(width)}${printable(remedy)}`];
}
