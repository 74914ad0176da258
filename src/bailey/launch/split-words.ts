import { Failure } from '../../terminal/failure.ts';

/** isspace(3) in the C locale; not JavaScript's \s, which would split at a no-break space. */
const separators = ' \t\n\r\f\v';

/**
 * Splits the value of a variable such as JAVA_OPTS into arguments by the rules of xargs(1): blanks and newlines separate;
 * '…' and "…" quote their content literally; outside of quotes a backslash escapes the next character. Variables, globs and
 * commands are not expanded. The official jenkins.sh follows the same rules, since it pipes through xargs, but with an
 * unclosed quote it silently drops all options; here that is an error.
 * @param variable the name, for the message
 * @throws Failure 78 for a quote that is not closed on its line, or a backslash at the end, with its position
 */
export function splitWords(variable: string, text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (separators.includes(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '"' || char === "'") {
      const end = closingQuote(text, at);
      if (end === -1) throw unclosed(variable, text, at);
      word = (word ?? '') + text.slice(at + 1, end);
      at = end;
    } else if (char === '\\') {
      at += 1;
      if (at === text.length) throw trailingBackslash(variable);
      word = (word ?? '') + text.charAt(at);
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Returns the index of the closing quote, or -1; as in xargs, a quoted text ends before a newline. */
function closingQuote(text: string, start: number): number {
  const end = text.indexOf(text.charAt(start), start + 1);
  const newline = text.indexOf('\n', start);
  return newline !== -1 && newline < end ? -1 : end;
}

function unclosed(variable: string, text: string, at: number): Failure {
  const kind = text.charAt(at) === '"' ? 'double' : 'single';
  // Show only the text before the quote: the text after it may contain a password.
  const before = text.slice(0, at).match(/[^ \t\n\r\f\v]*$/)?.[0];
  return new Failure(
    'config',
    `${variable} has a ${kind} quote at character ${at + 1}${before ? ` (after ${before})` : ''} that is not closed on its line`,
    'close the quote, or write \\ before it to make it an ordinary character',
  );
}

function trailingBackslash(variable: string): Failure {
  return new Failure(
    'config',
    `${variable} ends with a backslash with nothing to escape`,
    'remove it, or write \\\\',
  );
}
