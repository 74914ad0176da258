import { hasColors, paint } from '../../terminal/colors.ts';
import { printable } from '../../terminal/printable.ts';
import { colorOf } from './state-color.ts';

/** The widest word, `warning`, and two spaces. */
const width = 9;

/**
 * Returns the lines for a result: the word and the text, and the remedy below them. On a terminal, the word is colored.
 * @param word as in `ok` or `removed`
 */
export function resultLines(word: string, text: string, remedy: string | undefined): readonly string[] {
  const color = hasColors(process.stdout, process.env) ? colorOf(word) : undefined;
  const line = `${paint(word, color)}${' '.repeat(width - word.length)}${printable(text)}`;
  return remedy === undefined ? [line] : [line, `${' '.repeat(width)}${printable(remedy)}`];
}
