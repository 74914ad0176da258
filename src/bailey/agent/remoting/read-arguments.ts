import { readFileSync } from 'node:fs';
import { requireFile } from '../../container/folder-access.ts';
import { openStream, readStream } from './argument-stream.ts';

/** An argument of agent.jar before it is parsed. */
export interface RawArgument {
  readonly text: string;
  /** The variable that contains it; empty for the command line. */
  readonly from: string;
  /** For `@FILE`: the lines of the file. agent.jar treats each line as one argument and does not expand an `@` in it. */
  readonly lines?: readonly string[];
}

/**
 * Reads the `@FILE`s among the arguments of agent.jar, whose parser (args4j) expands them in any position.
 * - A pipe, as in `-secret @<(command)`, can be read only once: its lines replace the argument.
 * - `-cert @FILE` is an exception: agent.jar expects the file name, but args4j would expand it into the lines of the
 *   certificate. It is rewritten to `-cert=@FILE`, which args4j does not expand.
 * @param from the variable that contains the arguments; empty for the command line
 * @throws Failure 78 when a file does not exist, 77 or 74 when it cannot be read; the signal's reason
 */
export async function readArguments(
  texts: readonly string[],
  from: string,
  signal: AbortSignal,
): Promise<RawArgument[]> {
  const read: RawArgument[] = [];
  const rest = texts.values();
  for (const text of rest) {
    if (text === '-cert') {
      const certificate = rest.next();
      if (certificate.done) read.push({ text, from });
      else if (certificate.value.startsWith('@')) read.push({ text: `${text}=${certificate.value}`, from });
      else read.push({ text, from }, { text: certificate.value, from });
      continue;
    }
    const file = text.startsWith('@') ? text.slice(1) : undefined;
    const stream = file === undefined ? undefined : openStream(file);
    if (file === undefined) read.push({ text, from });
    else if (stream !== undefined)
      for (const line of linesOf(await readStream(file, stream, signal))) read.push({ text: line, from });
    else read.push({ text, from, lines: readLines(file, from) });
  }
  return read;
}

function readLines(file: string, from: string): readonly string[] {
  requireFile(
    from === '' ? 'the @ of the arguments:' : `the @ of ${from}:`,
    file,
    'correct its path, or create it',
  );
  return linesOf(readFileSync(file, 'utf8'));
}

/** Splits as java.io.BufferedReader does: a line end at the end of the text does not start another line. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
