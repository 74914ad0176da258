import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Facts, Snapshot, Volume } from './records.ts';

/** How far back a late view can look. */
const remembered = 60_000;

/** The facts of a cloud, as they are and as they were a moment ago; in a file, so that they outlive the program. */
export class Memory {
  readonly #file: string;
  #facts: Facts;
  /** What was true until then, oldest first. */
  #past: { readonly untilMs: number; readonly facts: Facts }[] = [];

  constructor(folder: string) {
    this.#file = join(folder, 'cloud.json');
    this.#facts = { volumes: {}, snapshots: {}, tokens: {}, instances: {}, ...read(this.#file) };
  }

  /** What is true. */
  get now(): Facts {
    return this.#facts;
  }

  /** What was true some milliseconds ago. */
  ago(ms: number): Facts {
    const then = performance.now() - ms;
    return this.#past.find(({ untilMs }) => untilMs > then)?.facts ?? this.#facts;
  }

  /**
   * Makes something else true; it is in the file when this returns.
   * @throws Error when it cannot be written down; everything is as it was then
   */
  change(facts: Partial<Facts>): void {
    const next = { ...this.#facts, ...facts };
    writeFileSync(`${this.#file}.new`, JSON.stringify(next));
    renameSync(`${this.#file}.new`, this.#file);
    const now = performance.now();
    this.#past = this.#past.filter(({ untilMs }) => untilMs > now - remembered);
    this.#past.push({ untilMs: now, facts: this.#facts });
    this.#facts = next;
  }

  /** A volume as it is to be, in place of what it was. */
  put(volume: Volume): Volume {
    this.change({ volumes: { ...this.#facts.volumes, [volume.id]: volume } });
    return volume;
  }

  putSnapshot(snapshot: Snapshot): Snapshot {
    this.change({ snapshots: { ...this.#facts.snapshots, [snapshot.id]: snapshot } });
    return snapshot;
  }

  /** A volume that is no more. */
  forget(id: string): void {
    const { [id]: _, ...volumes } = this.#facts.volumes;
    this.change({ volumes });
  }

  forgetSnapshot(id: string): void {
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
