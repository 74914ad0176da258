import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Facts, Snapshot, Volume } from './records.ts';

/** The maximum age of the states that outdated responses can show, in milliseconds. */
const historyMs = 60_000;

/** The current state of a cloud and its recent history. The current state is in a file, and survives a restart. */
export class CloudState {
  readonly #file: string;
  #facts: Facts;
  /** Earlier states and when each was replaced, the oldest first. */
  #past: { readonly untilMs: number; readonly facts: Facts }[] = [];

  constructor(folder: string) {
    this.#file = join(folder, 'cloud.json');
    this.#facts = { volumes: {}, snapshots: {}, tokens: {}, instances: {}, ...read(this.#file) };
  }

  get current(): Facts {
    return this.#facts;
  }

  /** The state as it was this many milliseconds ago. */
  ago(ms: number): Facts {
    const then = performance.now() - ms;
    return this.#past.find(({ untilMs }) => untilMs > then)?.facts ?? this.#facts;
  }

  /**
   * Changes the state and writes it to the file.
   * @throws Error when the file cannot be written; the state is then unchanged
   */
  change(facts: Partial<Facts>): void {
    const next = { ...this.#facts, ...facts };
    writeFileSync(`${this.#file}.new`, JSON.stringify(next));
    renameSync(`${this.#file}.new`, this.#file);
    const now = performance.now();
    this.#past = this.#past.filter(({ untilMs }) => untilMs > now - historyMs);
    this.#past.push({ untilMs: now, facts: this.#facts });
    this.#facts = next;
  }

  /** Adds or replaces a volume. */
  putVolume(volume: Volume): Volume {
    this.change({ volumes: { ...this.#facts.volumes, [volume.id]: volume } });
    return volume;
  }

  putSnapshot(snapshot: Snapshot): Snapshot {
    this.change({ snapshots: { ...this.#facts.snapshots, [snapshot.id]: snapshot } });
    return snapshot;
  }

  removeVolume(id: string): void {
    const { [id]: _, ...volumes } = this.#facts.volumes;
    this.change({ volumes });
  }

  removeSnapshot(id: string): void {
    const { [id]: _, ...snapshots } = this.#facts.snapshots;
    this.change({ snapshots });
  }
}

function read(file: string): Partial<Facts> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<Facts>;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw thrown;
  }
}
