import { readFileSync } from 'node:fs';

/** Node replaces each byte that is not UTF-8 by this character. */
const replacement = '\ufffd';

/**
 * Restores arguments that are not valid UTF-8: Node replaced their bytes, but /proc/self/cmdline still has them.
 * @param argv the arguments of a program to become; arguments of this process must be in their original order
 */
export function restoreRawArguments(argv: readonly string[]): readonly (string | Buffer)[] {
  if (!argv.some(hasReplacement)) return argv;
  const given = readCommandLine().filter((bytes) => hasReplacement(bytes.toString()));
  return argv.map((argument) => {
    if (!hasReplacement(argument)) return argument;
    const at = given.findIndex((bytes) => bytes.toString() === argument);
    return at === -1 ? argument : (given.splice(at, 1)[0] ?? argument);
  });
}

const hasReplacement = (text: string): boolean => text.includes(replacement);

function readCommandLine(): Buffer[] {
  try {
    // latin1 maps every byte to one character and back.
    const words = readFileSync('/proc/self/cmdline', 'latin1').split('\0');
    return words.map((word) => Buffer.from(word, 'latin1'));
  } catch {
    return []; // no /proc: the replaced bytes are lost
  }
}
