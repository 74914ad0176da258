import { Failure } from '../../../terminal/failure.ts';
import { quoted } from '../../../terminal/quoted.ts';
import { readEntry } from '../../archive/read-entry.ts';
import { describeArgument, type ParsedArgument } from './parse-arguments.ts';
import { similarOption } from './remoting-options.ts';
import { isUnknownOption } from './validate-arguments.ts';

/** The class of agent.jar whose annotations declare the options, about 30 KB. */
const launcher = 'hudson/remoting/Launcher.class';
const maxBytes = 4 * 1024 * 1024;

/**
 * Rejects options that are neither in bailey's table nor in agent.jar; a newer agent.jar may have options that bailey does
 * not list. agent.jar itself exits with 0 for an unknown option. The option names are string constants of the launcher
 * class in the jar; a jar without that class is not checked.
 * @throws Failure 64 for an option that the jar does not have
 */
export async function rejectUnknownOptions(jar: string, items: readonly ParsedArgument[]): Promise<void> {
  const unknown = items.filter(isUnknownOption);
  if (unknown.length === 0) return;
  const code = await readEntry(jar, launcher, maxBytes);
  if (code === undefined) return;
  for (const item of unknown) {
    const name = item.name ?? '';
    if (hasConstant(code, name)) continue;
    const similar = similarOption(name);
    throw new Failure(
      'usage',
      `agent.jar has no option ${describeArgument({ ...item, name: quoted(name) })}`,
      similar === undefined
        ? `java -jar ${jar} -help lists them; options of bailey come before those of agent.jar`
        : `did you mean ${similar}?`,
    );
  }
}

/** A CONSTANT_Utf8 of a class file: tag 1, the length in two bytes, the text (JVMS 4.4.7). */
function hasConstant(code: Buffer, text: string): boolean {
  const bytes = Buffer.from(text);
  return code.includes(Buffer.concat([Buffer.from([1, bytes.length >> 8, bytes.length & 255]), bytes]));
}
