import { readFileSync, renameSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { type BytePath, keyOf, partOf } from './byte-path.ts';
import { remove } from './partial-file.ts';

/** The file's name in JENKINS_HOME. */
const cacheFileName = '.bailey-plugin-versions.json';

/** Format version of the file; other versions are ignored. */
const formatVersion = 1;
/** In bytes: more than ten thousand plug-ins need. A larger file is ignored. */
const maxBytes = 16 * 1024 * 1024;
/**
 * Returns the resolution of file times: kernel ticks of at most 10 ms; if the time is a whole second, the file system may store
 * no finer ones. Within one tick a file can change twice without a visible change of its times.
 */
const tickMs = ({ ctimeMs }: Stats): number => (ctimeMs % 1000 === 0 ? 2000 : 10);

/** The version read from a file, and the file's state at that time. */
type CacheEntry = readonly [state: string, text: string];

/**
 * Caches the versions read from plug-in archives and markers, so that an unchanged file costs only a stat. The cache file
 * may be lost or damaged without harm. An entry is valid only while the file has the same size, inode, mtime and ctime,
 * which no program can set. A file that changed during this start is not cached, since another change might be invisible.
 * The cache needs no protection, because a user who can write it can also write the plug-ins.
 */
export class PluginVersionCache {
  readonly #file: BytePath;
  readonly #loaded: ReadonlyMap<string, CacheEntry>;
  readonly #current = new Map<string, CacheEntry>();
  #changed = false;
  #startMs: number | undefined;

  /** @param home JENKINS_HOME */
  constructor(home: string) {
    this.#file = Buffer.from(`${home}/${cacheFileName}`);
    this.#loaded = read(this.#file);
  }

  /** Returns the cached version for this state of the file; undefined if there is none. */
  get(path: BytePath, stat: Stats): string | undefined {
    const known = this.#loaded.get(keyOf(path));
    if (known !== undefined && known[0] === stateOf(stat)) {
      this.#current.set(keyOf(path), known);
      return known[1];
    }
    this.#startMs ??= this.#clockMs(); // before the file is read
    return undefined;
  }

  /**
   * Caches a version that {@link get} did not have.
   * @param stat from before the file was read
   */
  set(path: BytePath, stat: Stats, text: string): void {
    // A write sets both times, so the older one decides.
    const changedMs = Math.min(stat.mtimeMs, stat.ctimeMs);
    if (this.#startMs === undefined || changedMs > this.#startMs - tickMs(stat)) return;
    this.#current.set(keyOf(path), [stateOf(stat), text]);
    this.#changed = true;
  }

  /** Saves the cache for the next start; errors are ignored, the next start then reads the files. */
  save(): void {
    if (!this.#changed && this.#current.size === this.#loaded.size) return;
    const part = partOf(this.#file);
    try {
      create(part, JSON.stringify({ form: formatVersion, known: Object.fromEntries(this.#current) }));
      // Not synced: after a power failure the file may be invalid JSON, which is ignored.
      renameSync(part, this.#file);
    } catch {
      remove(part); // for example a full disk or a read-only directory
    }
  }

  /** Returns the current time of the file system (which a server's clock may set) or of this machine, whichever is earlier. */
  #clockMs(): number {
    const part = partOf(this.#file);
    try {
      create(part, '');
      return Math.min(Date.now(), statSync(part).mtimeMs);
    } catch {
      return Number.NEGATIVE_INFINITY; // the cache cannot be saved here either
    } finally {
      remove(part);
    }
  }
}

/** Creates a new file: an existing one may be a symlink. */
function create(part: BytePath, text: string): void {
  remove(part);
  writeFileSync(part, text, { flag: 'wx' });
}

const stateOf = ({ size, mtimeMs, ctimeMs, ino }: Stats): string => `${size} ${mtimeMs} ${ctimeMs} ${ino}`;

function read(file: BytePath): ReadonlyMap<string, CacheEntry> {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat?.isFile() !== true || stat.size > maxBytes) return new Map();
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!isRecord(parsed) || parsed['form'] !== formatVersion || !isRecord(parsed['known'])) return new Map();
    return new Map(
      Object.entries(parsed['known']).filter((entry): entry is [string, CacheEntry] =>
        isCacheEntry(entry[1]),
      ),
    );
  } catch {
    return new Map(); // damaged or not readable
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isCacheEntry = (value: unknown): value is CacheEntry =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
