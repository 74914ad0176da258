import type { Limits } from '../container/limits.ts';
import {
  type ConfiguredHeap,
  type ConfiguredOption,
  configuredHeap,
  configuredSizeAbove,
  findOpaqueOption,
  findXxOption,
} from './configured-options.ts';
import type { JavaRuntime } from './java-runtime.ts';
import { formatBytes, mebibyte } from './java-size.ts';
import { missedCpuQuota } from './missed-cpu-quota.ts';
import { type MemorySplit, type Role, splitMemory } from './split-memory.ts';

/** Everything that the JVM options depend on. */
export interface PlanRequest {
  readonly limits: Limits;
  readonly role: Role;
  /** In order of increasing precedence. */
  readonly configured: readonly ConfiguredOption[];
  readonly runtime: JavaRuntime;
  /** Directory for heap dumps and error files, absolute; undefined if none survives the container. */
  readonly folder: string | undefined;
}

/** Options to add, the reasons, and messages. */
export interface JvmPlan {
  /** In the order of the command line. */
  readonly options: readonly PlannedOption[];
  /** Why other options were not added. */
  readonly omitted: readonly string[];
  readonly split: MemorySplit | undefined;
  /** The maximum heap size, from our options or configured ones; undefined if not known. */
  readonly heapBytes: number | undefined;
  /** One line about how the memory is divided; undefined without a limit. */
  readonly summary: string | undefined;
  readonly warnings: readonly string[];
}

export interface PlannedOption {
  readonly option: string;
  readonly reason: string;
  /** The file that java writes into the directory because of this option. The directory must exist before java starts. */
  readonly writes?: 'heap dump' | 'error file';
}

/** A heap of this share of the limit or more leaves too little memory for the rest of java. */
const largeHeapShare = 0.8;

/**
 * Computes the options to add to the configured ones. Without a limit it adds none. Configured options take precedence: an
 * option is omitted when a configured option sets the same property, and all options are omitted when there may be configured
 * options that are not visible here.
 */
export function planJvm(request: PlanRequest): JvmPlan {
  const { limits, role, configured, runtime } = request;
  const noOptions = {
    options: [],
    omitted: [],
    split: undefined,
    heapBytes: undefined,
    summary: undefined,
    warnings: [],
  };
  const limit = limits.memory?.bytes;
  if (limit === undefined && limits.cpuQuota === undefined)
    return { ...noOptions, omitted: ['there is no limit: no options are added'] };
  const opaque = findOpaqueOption(configured);
  if (opaque !== undefined) {
    const reason = `no options are added: ${formatOption(opaque)} may set options that are not visible here`;
    const summary = limit === undefined ? undefined : `memory limit ${formatBytes(limit)}: ${reason}`;
    return { ...noOptions, omitted: [reason], summary };
  }

  const omitted: string[] = [];
  const processors = processorOptions(request, omitted);
  if (limit === undefined) return { ...noOptions, options: processors, omitted };

  const split = splitMemory(limit, role);
  const heap = configuredHeap(configured, limit);
  const larger = heap === undefined ? configuredSizeAbove(configured, split.heap) : undefined;
  const userHeap = heap ?? larger;
  if (userHeap !== undefined) omitted.push(`no -Xmx: ${formatOption(userHeap.option)}`);
  const options = [
    ...(userHeap === undefined ? [heapOption(limit, split)] : []),
    ...processors,
    ...(runtime.jvm === 'HotSpot' ? diagnosticOptions(request, omitted) : []),
  ];
  if (runtime.jvm !== 'HotSpot')
    omitted.push('no -XX options: the JVM is not known to be HotSpot, and other JVMs may reject them');
  return {
    options,
    omitted,
    split: userHeap === undefined ? split : undefined,
    heapBytes: userHeap === undefined ? split.heap : userHeap.bytes,
    summary: userHeap === undefined ? splitSummary(limit, split, role) : configuredSummary(limit, userHeap),
    warnings: heapWarning(limit, userHeap, split),
  };
}

const heapOption = (limit: number, { heap }: MemorySplit): PlannedOption => ({
  option: `-Xmx${heap / mebibyte}m`,
  reason: `${Math.round((heap / limit) * 100)} % of the memory limit; the JVM's default is 25 %`,
});

function processorOptions({ limits, configured, runtime }: PlanRequest, omitted: string[]): PlannedOption[] {
  const processors = missedCpuQuota(limits);
  // The option exists since Java 10; Jenkins runs on 11 or newer.
  if (processors === undefined || runtime.jvm !== 'HotSpot' || (runtime.major ?? 0) < 11) return [];
  const name = 'ActiveProcessorCount';
  const option = findXxOption(configured, [name]);
  if (option !== undefined) {
    omitted.push(`no -XX:${name}: ${formatOption(option)}`);
    return [];
  }
  return [{ option: `-XX:${name}=${processors.count}`, reason: processors.reason }];
}

/** How java exits on errors, and which files it writes. HotSpot has these options since Java 8u92. */
function diagnosticOptions({ configured, folder }: PlanRequest, omitted: string[]): PlannedOption[] {
  const unlessConfigured = (names: readonly string[], options: readonly PlannedOption[]): PlannedOption[] => {
    const option = findXxOption(configured, names);
    if (option === undefined) return [...options];
    omitted.push(`no -XX:${names[0]}: ${formatOption(option)}`);
    return [];
  };
  const exitOptions = unlessConfigured(
    ['ExitOnOutOfMemoryError', 'CrashOnOutOfMemoryError', 'OnOutOfMemoryError'],
    [
      {
        option: '-XX:+ExitOnOutOfMemoryError',
        reason: 'java exits with code 3 instead of continuing without memory',
      },
    ],
  );
  if (folder === undefined) {
    omitted.push('no heap dump and no error file: there is no folder for them');
    return exitOptions;
  }
  return [
    ...exitOptions,
    ...unlessConfigured(
      ['HeapDumpOnOutOfMemoryError', 'HeapDumpPath'],
      [
        {
          option: '-XX:+HeapDumpOnOutOfMemoryError',
          reason: 'the dump shows what filled the heap',
          writes: 'heap dump',
        },
        // Without the process id in its name, there is at most one dump, however often the container restarts.
        {
          option: `-XX:HeapDumpPath=${folder}/${heapDumpName}`,
          reason: 'the JVM never overwrites an existing dump',
          writes: 'heap dump',
        },
      ],
    ),
    ...unlessConfigured(
      ['ErrorFile', 'ErrorFileToStderr', 'ErrorFileToStdout'],
      [
        {
          option: `-XX:ErrorFile=${folder}/hs_err_pid%p.log`,
          reason: 'where a crash of the JVM is described',
          writes: 'error file',
        },
      ],
    ),
  ];
}

/** Name of the heap dump that java writes on an OutOfMemoryError. */
export const heapDumpName = 'heap.hprof';

function splitSummary(
  limit: number,
  { heap, nonHeap, typicalNonHeap, otherProcesses }: MemorySplit,
  role: Role,
): string {
  const parts = [`heap ${formatBytes(heap)}`, `${formatBytes(nonHeap)} for the rest of java`];
  if (nonHeap < typicalNonHeap) parts.push(`which usually needs ${formatBytes(typicalNonHeap)}`);
  if (otherProcesses >= mebibyte)
    parts.push(`${formatBytes(otherProcesses)} for ${role === 'agent' ? 'builds' : 'what it runs'}`);
  return `memory limit ${formatBytes(limit)}: ${parts.join(', ')}`;
}

function configuredSummary(limit: number, { option, bytes }: ConfiguredHeap): string {
  const heap = bytes === undefined ? 'heap' : `heap ${formatBytes(bytes)}`;
  return `memory limit ${formatBytes(limit)}: ${heap} by ${formatOption(option)}`;
}

function heapWarning(limit: number, heap: ConfiguredHeap | undefined, split: MemorySplit): string[] {
  if (heap?.bytes === undefined || heap.bytes < limit * largeHeapShare) return [];
  const percent = Math.round((heap.bytes / limit) * 100);
  return [
    `heap ${formatBytes(heap.bytes)} (${formatOption(heap.option)}) is ${percent} % of the memory limit ${formatBytes(limit)}: ` +
      `the kernel will kill java when java needs the rest of the memory; set at most ${formatBytes(split.heap)}, or remove the option`,
  ];
}

const formatOption = ({ text, variable }: ConfiguredOption): string => `${shortened(text)} in ${variable}`;

const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);
