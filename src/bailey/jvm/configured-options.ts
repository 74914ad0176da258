import { splitWords } from '../launch/split-words.ts';
import { parseJavaSize } from './java-size.ts';
import type { Role } from './split-memory.ts';

/** An option that somebody gave to java, and the variable that it came from. */
export interface ConfiguredOption {
  readonly text: string;
  readonly variable: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * All that the environment says to the JVM, in the order in which it counts, the last one most: the JVM itself reads
 * JAVA_TOOL_OPTIONS before the command line and _JAVA_OPTIONS after it, the launcher puts JDK_JAVA_OPTIONS (Java 9) at
 * the command line's front, and OpenJ9 has a variable of its own. An agent's JENKINS_JAVA_OPTS replace JAVA_OPTS.
 * @throws Failure 78 for quotes that are not closed in the two variables of Jenkins
 */
export function readConfiguredOptions(env: Environment, role: Role): ConfiguredOption[] {
  const ofJenkins =
    role === 'controller'
      ? ['JAVA_OPTS', 'JENKINS_JAVA_OPTS']
      : [env['JENKINS_JAVA_OPTS'] ? 'JENKINS_JAVA_OPTS' : 'JAVA_OPTS'];
  return [
    ...['JAVA_TOOL_OPTIONS', 'OPENJ9_JAVA_OPTIONS', 'JDK_JAVA_OPTIONS'].flatMap((name) =>
      readJvmVariable(name, env),
    ),
    ...ofJenkins.flatMap((variable) =>
      splitWords(variable, env[variable] ?? '').map((text) => ({ text, variable })),
    ),
    ...readJvmVariable('_JAVA_OPTIONS', env),
  ];
}

/** Only the JVM may refuse what is wrong here. An option that is looked for has no blanks, save in what follows its `=`. */
const readJvmVariable = (variable: string, env: Environment): ConfiguredOption[] =>
  (env[variable] ?? '')
    .split(/\s+/)
    .map((word) => word.replace(/["']/g, ''))
    .filter((text) => text !== '')
    .map((text) => ({ text, variable }));

/** The name of an -XX option, without its sign or its value. */
const xxOptionName = ({ text }: ConfiguredOption): string | undefined => /^-XX:[+-]?(\w+)/.exec(text)?.[1];

/** The first of the options that has one of these -XX names, whatever it says. */
export const findXxOption = (
  configured: readonly ConfiguredOption[],
  names: readonly string[],
): ConfiguredOption | undefined => configured.find((option) => names.includes(xxOptionName(option) ?? ''));

/**
 * The option behind which there may be others that we do not see: an argument file (java(1), `@argfiles`), a file of
 * -XX options; or one that tells the JVM not to look at limits, whose reason we do not know.
 */
export function findOpaqueOption(configured: readonly ConfiguredOption[]): ConfiguredOption | undefined {
  return configured.find(
    ({ text }) =>
      /^@[^@]/.test(text) ||
      /^-XX:(?:Flags|VMOptionsFile)=|^-Xoptionsfile=/.test(text) ||
      text === '-XX:-UseContainerSupport',
  );
}

/** The heap that somebody has decided on. */
export interface ConfiguredHeap {
  readonly option: ConfiguredOption;
  /** Bytes; undefined where it cannot be told. */
  readonly bytes: number | undefined;
}

/**
 * The largest heap by what was given: -Xmx wins over percentages, and the last over those before. The launcher still
 * takes -mx and -ms for -Xmx and -Xms.
 * @param memory bytes that the JVM takes percentages of
 */
export function configuredHeap(
  configured: readonly ConfiguredOption[],
  memory: number,
): ConfiguredHeap | undefined {
  const fixed = configured.findLast(({ text }) => /^-X?mx|^-XX:MaxHeapSize=/.test(text));
  if (fixed !== undefined)
    return { option: fixed, bytes: parseJavaSize(fixed.text.replace(/^-X?mx|^.*=/, '')) };
  const heuristic = configured.find(
    ({ text }) => text === '-XX:+AggressiveHeap' || text.startsWith('-Xsoftmx'),
  );
  if (heuristic !== undefined) return { option: heuristic, bytes: undefined };

  const last = (name: string): ConfiguredOption | undefined =>
    configured.findLast(({ text }) => text.startsWith(`-XX:${name}=`));
  const [maximum, percentage, fraction] = [last('MaxRAM'), last('MaxRAMPercentage'), last('MaxRAMFraction')];
  // The one below is for small memories; the JVM takes it into account, we only leave it alone.
  const option = percentage ?? fraction ?? maximum ?? last('MinRAMPercentage') ?? last('MinRAMFraction');
  if (option === undefined) return undefined;
  const base = maximum === undefined ? memory : parseJavaSize(afterEquals(maximum));
  const percent =
    percentage !== undefined
      ? Number(afterEquals(percentage))
      : fraction !== undefined
        ? 100 / Number(afterEquals(fraction))
        : defaultPercentage;
  const bytes = base === undefined ? Number.NaN : (base * percent) / 100;
  return { option, bytes: Number.isFinite(bytes) ? bytes : undefined };
}

/** -XX:MaxRAMPercentage of HotSpot. */
const defaultPercentage = 25;

const afterEquals = ({ text }: ConfiguredOption): string => text.slice(text.indexOf('=') + 1);

/** What a heap has to be larger than: with its size as the least that java then takes for the heap, or as a part of it. */
const minSizeOption = /^-X?ms(\w+)$|^-XX:(?:InitialHeapSize|MinHeapSize)=(\w+)$/;
const partSizeOption =
  /^-X(?:mn|mo|mns|mnx|mos|mox)(\w+)$|^-XX:(?:SoftMaxHeapSize|NewSize|MaxNewSize|OldSize)=(\w+)$/;

/**
 * The first option that asks for more than this heap: the JVM would refuse to start with both, or give less than was
 * asked for.
 */
export function configuredSizeAbove(
  configured: readonly ConfiguredOption[],
  heap: number,
): ConfiguredHeap | undefined {
  for (const option of configured) {
    for (const kind of [minSizeOption, partSizeOption]) {
      const [, short, long] = kind.exec(option.text) ?? [];
      const bytes = parseJavaSize(short ?? long ?? '');
      if (bytes !== undefined && bytes > heap)
        return { option, bytes: kind === minSizeOption ? bytes : undefined };
    }
  }
  return undefined;
}
