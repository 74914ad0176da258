import { mebibyte } from './java-size.ts';

/** The role of the JVM. */
export type Role = 'controller' | 'agent';

/** How a memory limit is divided; bytes. */
export interface MemorySplit {
  readonly heap: number;
  /** For java outside its heap; less than `typicalNonHeap` in a small container. */
  readonly nonHeap: number;
  /** What java typically needs outside its heap. */
  readonly typicalNonHeap: number;
  /** For child processes and the page cache. */
  readonly otherProcesses: number;
}

/**
 * Non-heap memory of a controller: up to 240 MiB of code cache, about 190 MiB of classes (with a hundred plug-ins), and
 * 80 MiB of thread stacks, direct buffers and data of the garbage collector.
 */
const controllerNonHeap = 512 * mebibyte;

/** Non-heap memory of an agent, which loads few classes and compiles little. */
const agentNonHeap = 160 * mebibyte;

/** Enough for remoting to transfer logs and archives. The rest of the container is for builds. */
const agentHeapBounds = { min: 64 * mebibyte, max: 512 * mebibyte };

/**
 * Divides a memory limit. The heap of a controller is the limit minus the non-heap memory, but at least 40 % of the limit
 * and at most 60 %, since git, ssh and the page cache need memory, too. The heap of an agent is a quarter of the limit,
 * the JVM's own default, but at least 64 MiB, at most 512 MiB, and at most half of the limit.
 * @param limit bytes
 */
export function splitMemory(limit: number, role: Role): MemorySplit {
  const typicalNonHeap = role === 'controller' ? controllerNonHeap : agentNonHeap;
  const heap = wholeMebibytes(role === 'controller' ? controllerHeap(limit) : agentHeap(limit));
  const nonHeap = Math.min(typicalNonHeap, limit - heap);
  return { heap, nonHeap, typicalNonHeap, otherProcesses: limit - heap - nonHeap };
}

const controllerHeap = (limit: number): number => clamp(limit * 0.4, limit - controllerNonHeap, limit * 0.6);

const agentHeap = (limit: number): number =>
  Math.min(clamp(agentHeapBounds.min, limit / 4, agentHeapBounds.max), limit / 2);

const clamp = (min: number, value: number, max: number): number => Math.max(min, Math.min(value, max));

/** The JVM rejects a heap below 2 MiB. */
const wholeMebibytes = (bytes: number): number => Math.max(2, Math.floor(bytes / mebibyte)) * mebibyte;
