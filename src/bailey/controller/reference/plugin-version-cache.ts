import { readFileSync, renameSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { type BytePath, keyOf, partOf } from './byte-path.ts';
import { remove } from './partial-file.ts';

/** The file's name in JENKINS_HOME. */
const memoryName = '.bailey-plugin-versions.json';

/** Of the file's form; another one is not read. */
const form = 1;
/** Far more than ten thousand plug-ins take; what is larger was not written by us. */
const mostBytes = 16 * 1024 * 1024;
/**
 * Times of files advance in ticks of the kernel's, 10 ms at most; where a time is a whole second the file system keeps no
 * finer ones. Within a tick a file can change twice and have the same times.
 */
const tickMs = ({ ctimeMs }: Stats): number => (ctimeMs % 1000 === 0 ? 2000 : 10);

/** What a file said, and which state of it that was. */
type Known = readonly [state: string, text: string];

/**
 * What plug-ins' archives and markers said at the last start, so that those that have not changed cost a stat. It can be
 * lost or damaged without harm: it is believed only of a file that has the same size, inode, time of change and, what
 * nobody can set, time of change of its inode (ctime); and it keeps nothing of a file that changed as late as this start,
 * since a further change might not show. Whoever can write it can write the plug-ins as well.
 */
export class PluginVersionCache {
  readonly #file: BytePath;
  readonly #before: ReadonlyMap<string, Known>;
  readonly #now = new Map<string, Known>();
  #learned = false;
  #startMs: number | undefined;

  /** @param home JENKINS_HOME */
  constructor(home: string) {
    this.#file = Buffer.from(`${home}/${memoryName}`);
    this.#before = read(this.#file);
  }

  /** What the file said when it was in this state; undefined when that is not known. */
  get(path: BytePath, stat: Stats): string | undefined {
    const known = this.#before.get(keyOf(path));
    if (known !== undefined && known[0] === stateOf(stat)) {
      this.#now.set(keyOf(path), known);
      return known[1];
    }
    this.#startMs ??= this.#clockMs(); // before it is read
    return undefined;
  }

  /**
   * To be called for what {@link recall} did not know.
   * @param stat of the time before the text was read
   */
  set(path: BytePath, stat: Stats, text: string): void {
    // What is written to has both times from then: one that is old would show it.
    const changedMs = Math.min(stat.mtimeMs, stat.ctimeMs);
    if (this.#startMs === undefined || changedMs > this.#startMs - tickMs(stat)) return;
    this.#now.set(keyOf(path), [stateOf(stat), text]);
    this.#learned = true;
  }

  /** Keeps what this start has seen for the next one. Where that cannot be written, the next one reads for itself. */
  save(): void {
    if (!this.#learned && this.#now.size === this.#before.size) return;
    const part = partOf(this.#file);
    try {
      create(part, JSON.stringify({ form, known: Object.fromEntries(this.#now) }));
      // Not brought to the disk before: what a loss of power leaves of it is no JSON, and not believed.
      renameSync(part, this.#file);
    } catch {
      remove(part); // a full disk, a folder that refuses
    }
  }

  /** The time by the clock that files here have their times from, which may be another machine's, or by ours. */
  #clockMs(): number {
    const part = partOf(this.#file);
    try {
      create(part, '');
      return Math.min(Date.now(), statSync(part).mtimeMs);
    } catch {
      return Number.NEGATIVE_INFINITY; // nothing can be kept here anyway
    } finally {
      remove(part);
    }
  }
}

/** A new file: what is there may be a symlink to somewhere else. */
function create(part: BytePath, text: string): void {
  remove(part);
  writeFileSync(part, text, { flag: 'wx' });
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
