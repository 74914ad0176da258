import { readFileSync, renameSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { type BytePath, keyOf } from './byte-path.ts';
import { partOf, remove } from './write-part.ts';

/** The file's name in JENKINS_HOME. */
export const memoryName = '.bailey-plugin-versions.json';

/** Of the file's form; another one is not read. */
const form = 1;
/** Far more than ten thousand plug-ins take; what is larger was not written by us. */
const mostBytes = 16 * 1024 * 1024;
/**
 * Times of files advance in ticks of the kernel's, 10 ms at most. Within one, a file can change and keep its ctime: what
 * is younger is not remembered.
 */
const tickMs = 20;

/** What a file said, and which state of it that was. */
type Known = readonly [state: string, text: string];

/**
 * What plug-ins' archives and markers said at the last start, so that those that have not changed cost a stat. It can be
 * lost or damaged without harm: it is only believed of a file that has the same size, inode, time of change and, what
 * nobody can set, time of change of its inode (ctime). Whoever can write it can write the plug-ins as well.
 */
export class Memory {
  readonly #file: BytePath;
  readonly #before: ReadonlyMap<string, Known>;
  readonly #now = new Map<string, Known>();
  /** ctime, in ms, of what has been learned. */
  readonly #changedMs = new Map<string, number>();

  /** @param home JENKINS_HOME */
  constructor(home: string) {
    this.#file = Buffer.from(`${home}/${memoryName}`);
    this.#before = read(this.#file);
  }

  /** What the file said when it was in this state; undefined when that is not known. */
  recall(path: BytePath, stat: Stats): string | undefined {
    const known = this.#before.get(keyOf(path));
    if (known === undefined || known[0] !== stateOf(stat)) return undefined;
    this.#now.set(keyOf(path), known);
    return known[1];
  }

  /** @param stat of the time before the text was read */
  learn(path: BytePath, stat: Stats, text: string): void {
    // A file system without parts of a second: its ticks are whole ones, or two.
    if (stat.ctimeMs % 1000 === 0) return;
    this.#now.set(keyOf(path), [stateOf(stat), text]);
    this.#changedMs.set(keyOf(path), stat.ctimeMs);
  }

  /** Keeps what this start has seen for the next one. Where that cannot be written, the next one reads for itself. */
  async save(): Promise<void> {
    if (this.#changedMs.size === 0 && this.#now.size === this.#before.size) return;
    const ageMs = Date.now() - Math.max(...this.#changedMs.values());
    if (ageMs >= 0 && ageMs <= tickMs)
      await new Promise((resolve) => setTimeout(resolve, tickMs + 1 - ageMs));
    const part = partOf(this.#file);
    try {
      remove(part);
      writeFileSync(part, '', { flag: 'wx' });
      // The clock that the files of this folder have their times from may be another machine's.
      const clockMs = Math.min(Date.now(), statSync(part).mtimeMs);
      for (const [key, changedMs] of this.#changedMs) if (changedMs > clockMs - tickMs) this.#now.delete(key);
      writeFileSync(part, JSON.stringify({ form, known: Object.fromEntries(this.#now) }));
      // Not brought to the disk before: what a loss of power leaves of it is no JSON, and not believed.
      renameSync(part, this.#file);
    } catch {
      remove(part);
    }
  }
}

const stateOf = ({ size, mtimeMs, ctimeMs, ino }: Stats): string => `${size} ${mtimeMs} ${ctimeMs} ${ino}`;

function read(file: BytePath): ReadonlyMap<string, Known> {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat?.isFile() !== true || stat.size > mostBytes) return new Map();
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!isRecord(parsed) || parsed['form'] !== form || !isRecord(parsed['known'])) return new Map();
    return new Map(
      Object.entries(parsed['known']).filter((entry): entry is [string, Known] => isKnown(entry[1])),
    );
  } catch {
    return new Map(); // damaged, or not ours to read
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isKnown = (value: unknown): value is Known =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
