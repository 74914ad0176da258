import type { Limits } from '../container/limits.ts';
import {
  findVeil,
  type GivenHeap,
  type GivenOption,
  givenAbove,
  givenHeap,
  givenXx,
} from './given-options.ts';
import { mebibyte, shownSize } from './java-size.ts';
import { unseenProcessors } from './processors.ts';
import type { JavaRuntime } from './runtime.ts';
import { type Role, type Split, splitMemory } from './split-memory.ts';

/** All that options for the JVM depend on. */
export interface PlanRequest {
  readonly limits: Limits;
  readonly role: Role;
  /** In the order in which it counts, the last one most. */
  readonly given: readonly GivenOption[];
  readonly runtime: JavaRuntime;
  /** For heap dumps and error files, absolute; none: nobody knows a folder that outlives the container. */
  readonly folder: string | undefined;
}

/** Options to add, why, and what people should be told. */
export interface JvmPlan {
  /** In the order of the command line. */
  readonly options: readonly PlannedOption[];
  /** Why others were not added. */
  readonly left: readonly string[];
  readonly split: Split | undefined;
  /** The largest heap that java will have, ours or the one that was given, where it can be told. */
  readonly heapBytes: number | undefined;
  /** One line that says how the memory is divided; none without a limit. */
  readonly summary: string | undefined;
  readonly warnings: readonly string[];
}

export interface PlannedOption {
  readonly option: string;
  readonly why: string;
  /** What it has java write into the folder, which has to be there before java starts. */
  readonly inFolder?: 'heap dump' | 'error file';
}

/** From this share of the limit on, a heap leaves too little for the rest of java. */
const largeShare = 0.8;

/**
 * Works out the options that java should have besides those that it was given. Without a limit there are none. What
 * somebody gave is never contradicted, wherever it was given: an option of ours is left out when one that was given is
 * about the same thing, and all are when there may be some that we cannot see.
 */
export function planJvm(request: PlanRequest): JvmPlan {
  const { limits, role, given, runtime } = request;
  const nothing = {
    options: [],
    left: [],
    split: undefined,
    heapBytes: undefined,
    summary: undefined,
    warnings: [],
  };
  const limit = limits.memory?.bytes;
  if (limit === undefined && limits.cpuQuota === undefined)
    return { ...nothing, left: ['there is no limit: nothing is added'] };
  const veil = findVeil(given);
  if (veil !== undefined) {
    const why = `nothing is added: ${shownOption(veil)} may say more than can be seen`;
    const summary = limit === undefined ? undefined : `memory limit ${shownSize(limit)}: ${why}`;
    return { ...nothing, left: [why], summary };
  }

  const left: string[] = [];
  const processors = processorOptions(request, left);
  if (limit === undefined) return { ...nothing, options: processors, left };

  const split = splitMemory(limit, role);
  const heap = givenHeap(given, limit);
  const above = heap === undefined ? givenAbove(given, split.heap) : undefined;
  const decided = heap ?? above;
  if (decided !== undefined) left.push(`no -Xmx: ${shownOption(decided.option)}`);
  const options = [
    ...(decided === undefined ? [heapOption(limit, split)] : []),
    ...processors,
    ...(runtime.jvm === 'HotSpot' ? failureOptions(request, left) : []),
  ];
  if (runtime.jvm !== 'HotSpot')
    left.push('no -XX options: the JVM is not known to be HotSpot, and another may refuse them');
  return {
    options,
    left,
    split: decided === undefined ? split : undefined,
    heapBytes: decided === undefined ? split.heap : decided.bytes,
    summary: decided === undefined ? splitSummary(limit, split, role) : givenSummary(limit, decided),
    warnings: heapWarning(limit, decided, split),
  };
}

const heapOption = (limit: number, { heap }: Split): PlannedOption => ({
  option: `-Xmx${heap / mebibyte}m`,
  why: `${Math.round((heap / limit) * 100)} % of the memory limit; the JVM by itself takes 25 %`,
});

function processorOptions({ limits, given, runtime }: PlanRequest, left: string[]): PlannedOption[] {
  const processors = unseenProcessors(limits);
  // The option came with Java 10, which nobody runs Jenkins on.
  if (processors === undefined || runtime.jvm !== 'HotSpot' || (runtime.major ?? 0) < 11) return [];
  const name = 'ActiveProcessorCount';
  const option = givenXx(given, [name]);
  if (option !== undefined) {
    left.push(`no -XX:${name}: ${shownOption(option)}`);
    return [];
  }
  return [{ option: `-XX:${name}=${processors.count}`, why: processors.why }];
}

/** How java ends when something goes wrong, and what it leaves. Each stands for options that HotSpot has since Java 8u92. */
function failureOptions({ given, folder }: PlanRequest, left: string[]): PlannedOption[] {
  const unlessGiven = (names: readonly string[], options: readonly PlannedOption[]): PlannedOption[] => {
    const option = givenXx(given, names);
    if (option === undefined) return [...options];
    left.push(`no -XX:${names[0]}: ${shownOption(option)}`);
    return [];
  };
  const ending = unlessGiven(
    ['ExitOnOutOfMemoryError', 'CrashOnOutOfMemoryError', 'OnOutOfMemoryError'],
    [{ option: '-XX:+ExitOnOutOfMemoryError', why: 'a JVM that lacks memory limps on; it ends with 3' }],
  );
  if (folder === undefined) {
    left.push('no heap dump and no error file: there is no folder for them');
    return ending;
  }
  return [
    ...ending,
    ...unlessGiven(
      ['HeapDumpOnOutOfMemoryError', 'HeapDumpPath'],
      [
        {
          option: '-XX:+HeapDumpOnOutOfMemoryError',
          why: 'it says what filled the heap',
          inFolder: 'heap dump',
        },
        // A name without the process id: there is never more than one, however often the container starts again.
        {
          option: `-XX:HeapDumpPath=${folder}/${heapDumpName}`,
          why: 'the JVM writes it once, and never over another',
          inFolder: 'heap dump',
        },
      ],
    ),
    ...unlessGiven(
      ['ErrorFile', 'ErrorFileToStderr', 'ErrorFileToStdout'],
      [
        {
          option: `-XX:ErrorFile=${folder}/hs_err_pid%p.log`,
          why: 'where a crash of the JVM is described',
          inFolder: 'error file',
        },
      ],
    ),
  ];
}

/** The file that java writes on an OutOfMemoryError. */
export const heapDumpName = 'heap.hprof';

function splitSummary(limit: number, { heap, restOfJava, usualRest, others }: Split, role: Role): string {
  const parts = [`heap ${shownSize(heap)}`, `${shownSize(restOfJava)} for the rest of java`];
  if (restOfJava < usualRest) parts.push(`which usually needs ${shownSize(usualRest)}`);
  if (others >= mebibyte)
    parts.push(`${shownSize(others)} for ${role === 'agent' ? 'builds' : 'what it runs'}`);
  return `memory limit ${shownSize(limit)}: ${parts.join(', ')}`;
}

function givenSummary(limit: number, { option, bytes }: GivenHeap): string {
  const heap = bytes === undefined ? 'heap' : `heap ${shownSize(bytes)}`;
  return `memory limit ${shownSize(limit)}: ${heap} by ${shownOption(option)}`;
}

function heapWarning(limit: number, heap: GivenHeap | undefined, split: Split): string[] {
  if (heap?.bytes === undefined || heap.bytes < limit * largeShare) return [];
  const percent = Math.round((heap.bytes / limit) * 100);
  return [
    `heap ${shownSize(heap.bytes)} (${shownOption(heap.option)}) is ${percent} % of the memory limit ${shownSize(limit)}: ` +
      `the kernel will kill java when it needs the rest; give it at most ${shownSize(split.heap)}, or leave the option out`,
  ];
}

const shownOption = ({ text, variable }: GivenOption): string => `${shortened(text)} in ${variable}`;

const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);
