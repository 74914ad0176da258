import { splitWords } from '../launch/split-words.ts';
import { parseJavaSize } from './java-size.ts';
import type { Role } from './split-memory.ts';

/** A java option from the environment, and the variable that contains it. */
export interface ConfiguredOption {
  readonly text: string;
  readonly variable: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns all java options in the environment, in order of increasing precedence: the JVM reads JAVA_TOOL_OPTIONS before the
 * command line and _JAVA_OPTIONS after it, the launcher inserts JDK_JAVA_OPTIONS (Java 9) at the front of the command
 * line, and OpenJ9 has OPENJ9_JAVA_OPTIONS. For an agent, JENKINS_JAVA_OPTS replaces JAVA_OPTS.
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

/** Splits at whitespace only: the JVM reports errors in these variables itself. */
const readJvmVariable = (variable: string, env: Environment): ConfiguredOption[] =>
  (env[variable] ?? '')
    .split(/\s+/)
    .map((word) => word.replace(/["']/g, ''))
    .filter((text) => text !== '')
    .map((text) => ({ text, variable }));

/** Returns the name of an -XX option, without its sign or its value. */
const xxOptionName = ({ text }: ConfiguredOption): string | undefined => /^-XX:[+-]?(\w+)/.exec(text)?.[1];

/** Returns the first option with one of these -XX names, whatever its value. */
export const findXxOption = (
  configured: readonly ConfiguredOption[],
  names: readonly string[],
): ConfiguredOption | undefined => configured.find((option) => names.includes(xxOptionName(option) ?? ''));

/**
 * Returns the first option that may contain options not visible here: an argument file (java(1), `@argfiles`) or a file of -XX
 * options; or the option that makes the JVM ignore the container's limits.
 */
export function findOpaqueOption(configured: readonly ConfiguredOption[]): ConfiguredOption | undefined {
  return configured.find(
    ({ text }) =>
      /^@[^@]/.test(text) ||
      /^-XX:(?:Flags|VMOptionsFile)=|^-Xoptionsfile=/.test(text) ||
      text === '-XX:-UseContainerSupport',
  );
}

/** A heap size set by a configured option. */
export interface ConfiguredHeap {
  readonly option: ConfiguredOption;
  /** Bytes; undefined if not known. */
  readonly bytes: number | undefined;
}

/**
 * Returns the maximum heap size set by configured options: -Xmx overrides percentages, and the last option overrides earlier
 * ones. The launcher also accepts -mx and -ms for -Xmx and -Xms.
 * @param memory bytes that percentages refer to
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
  // MinRAMPercentage and MinRAMFraction apply to small memories: the resulting heap size is not predicted here.
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

/** Options that set a minimum heap size, and options that set the size of a part of the heap. */
const minSizeOption = /^-X?ms(\w+)$|^-XX:(?:InitialHeapSize|MinHeapSize)=(\w+)$/;
const partSizeOption =
  /^-X(?:mn|mo|mns|mnx|mos|mox)(\w+)$|^-XX:(?:SoftMaxHeapSize|NewSize|MaxNewSize|OldSize)=(\w+)$/;

/**
 * Returns the first option that requires a larger heap than this one. With both, the JVM would not start, or would use less
 * than the option requests.
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
