import { readFileSync } from 'node:fs';
import { requireFile } from '../../container/folder-access.ts';
import { openStream, readStream } from './argument-stream.ts';

/** An argument of agent.jar, before its parser has seen it. */
export interface RawArgument {
  readonly text: string;
  /** The variable that it comes from; empty: the command line. */
  readonly from: string;
  /** What agent.jar reads in its place, when it is `@FILE`: each line is an argument, and none is expanded again. */
  readonly lines?: readonly string[];
}

/**
 * Arguments of agent.jar, with what stands in their `@FILE`s: its parser, args4j, expands them wherever they stand.
 * - A file that is none, a pipe as in `-secret @<(command)`, can be read only once and by us alone: its lines take its
 *   place.
 * - `-cert @FILE` means the file to agent.jar, but its parser takes the @ first, and the certificate's lines for
 *   arguments; what is behind a `=` it leaves alone.
 * @param from the variable that they come from; empty: the command line
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

/** As java.io.BufferedReader has it: the end of the last line begins no other. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
