import { mebibyte } from './java-size.ts';

/** What the JVM is for. */
export type Role = 'controller' | 'agent';

/** How a memory limit is divided; bytes. */
export interface MemorySplit {
  readonly heap: number;
  /** Besides the heap, for java itself: what is left for it when that is less than it usually needs. */
  readonly nonHeap: number;
  /** What java usually needs besides its heap. */
  readonly typicalNonHeap: number;
  /** For the processes that it starts, and the page cache. */
  readonly otherProcesses: number;
}

/**
 * A controller's java besides its heap: the code cache, which may grow to 240 MiB, about 190 MiB of classes (a controller
 * with a hundred plug-ins), and 80 MiB of thread stacks, direct buffers and the collector's own tables.
 */
const controllerNonHeap = 512 * mebibyte;

/** An agent loads few classes, and compiles little. */
const agentNonHeap = 160 * mebibyte;

/** What remoting needs to carry logs and archives; more only puts off a collection. The rest is the builds'. */
const agentHeapBounds = { minSizeOption: 64 * mebibyte, most: 512 * mebibyte };

/**
 * Divides a memory limit. A controller's heap is what its java leaves of the limit, between 40 % (in a small container,
 * where it must do with less) and 60 % (git, ssh and the page cache need memory as well). An agent's is a quarter, as
 * the JVM's own default, but not more than 512 MiB, and not less than 64 MiB unless that is more than half.
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
  Math.min(clamp(agentHeapBounds.minSizeOption, limit / 4, agentHeapBounds.most), limit / 2);

const clamp = (minSizeOption: number, value: number, most: number): number =>
  Math.max(minSizeOption, Math.min(value, most));

/** The JVM refuses a heap below 2 MiB. */
const wholeMebibytes = (bytes: number): number => Math.max(2, Math.floor(bytes / mebibyte)) * mebibyte;
