import { Failure } from '../../../terminal/failure.ts';
import { quoted } from '../../../terminal/quoted.ts';
import { readEntry } from '../../archive/read-entry.ts';
import { describeArgument, type ParsedArgument } from './parse-arguments.ts';
import { similarOption } from './remoting-options.ts';
import { isUnknownOption } from './validate-arguments.ts';

/** Where agent.jar has its options: as the annotations of this class. It has some 30 KB. */
const launcher = 'hudson/remoting/Launcher.class';
const maxBytes = 4 * 1024 * 1024;

/**
 * Makes sure that the options that we don't know are agent.jar's. A refusal for ever would keep people from what a later
 * agent.jar can do, and to let everything pass would leave them with its exit code of 0: so the jar itself is asked. An
 * option's name is a constant of the class that has it. A jar without that class is somebody's own, and not judged.
 * @throws Failure 64 for an option that the jar doesn't have
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
        ? `java -jar ${jar} -help lists them; options of bailey stand before those of agent.jar`
        : `did you mean ${similar}?`,
    );
  }
}

/** A CONSTANT_Utf8 of a class file: tag 1, the length in two bytes, the text (JVMS 4.4.7). */
function hasConstant(code: Buffer, text: string): boolean {
  const bytes = Buffer.from(text);
  return code.includes(Buffer.concat([Buffer.from([1, bytes.length >> 8, bytes.length & 255]), bytes]));
}
