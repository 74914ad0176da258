import { readFileSync } from 'node:fs';

/** What Node makes of each byte that is not UTF-8. */
const replacement = '\ufffd';

/**
 * Arguments as they were given: those that are not UTF-8 have changed on their way into JavaScript, and the kernel still
 * has them. What we pass on is in the order in which we got it.
 * @param argv the arguments of a program to become, some of them our own
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
    return []; // no /proc: as good as can be
  }
}
