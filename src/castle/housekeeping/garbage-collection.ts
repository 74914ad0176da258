import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { Garbage } from '../garbage/garbage.ts';
import type { Collector, FoundGarbage } from './collector.ts';

/** What became of a stray. */
export type GarbageOutcome =
  /** Looked at only. */
  | 'found'
  | 'removed'
  /** Somebody has it after all, or it is for a person to decide. */
  | 'left'
  | 'failed';

/** A stray with what became of it. */
export interface CollectedGarbage extends Pick<FoundGarbage, 'kind' | 'name' | 'reason'> {
  readonly outcome: GarbageOutcome;
  /** What a person can do about it. */
  readonly remedy?: string;
}

/** On whose word strays are removed. */
export type CollectionMode =
  /** Nothing is changed. */
  | 'look'
  /** A person's, who has seen them or could have. */
  | 'person'
  /** Nobody's: only what holds no data. */
  | 'clock';

/**
 * What is removed without anybody's word. Volumes and snapshots are data: that nobody is known to need them may mean that
 * the state was lost. Deleted volumes go when their time is over, whatever this says.
 */
const withoutWord: Readonly<Record<Garbage['kind'], boolean>> = {
  lease: true,
  mount: true,
  file: true,
  device: false,
  volume: false,
  snapshot: false,
};

/** Finds what belongs to nobody, and removes it. */
export class GarbageCollection {
  /** The last run: two at once would only find the same. */
  private last: Promise<unknown> = Promise.resolve();
  /** What people were told of already. */
  private readonly reported = new Set<string>();
  private left: readonly CollectedGarbage[] = [];

  constructor(
    private readonly collectors: readonly Collector[],
    private readonly emit: EmitEvent,
  ) {}

  /** Runs all collectors, after a run that is under way. */
  run(order: CollectionMode): Promise<readonly CollectedGarbage[]> {
    const mine = this.last.then(() => this.collect(order));
    this.last = mine.catch(() => undefined);
    return mine;
  }

  /** What the last run left, by kind. */
  leftByKind(): ReadonlyMap<Garbage['kind'], number> {
    const numbers = new Map<Garbage['kind'], number>();
    for (const { kind } of this.left) numbers.set(kind, (numbers.get(kind) ?? 0) + 1);
    return numbers;
  }

  /** Resolves when no run is under way. */
  async idle(): Promise<void> {
    await this.last;
  }

  private async collect(order: CollectionMode): Promise<readonly CollectedGarbage[]> {
    const collected: CollectedGarbage[] = [];
    for (const { name, find } of this.collectors) {
      try {
        for (const found of await find()) collected.push(await this.deal(found, order));
      } catch (thrown) {
        this.emit(`${name} could not be looked for: ${errorMessage(thrown)}`, { event: 'gc.failed' });
      }
    }
    this.left = collected.filter(({ outcome }) => outcome !== 'removed');
    if (order === 'clock') for (const one of this.left) this.report(one);
    const removed = collected.length - this.left.length;
    this.emit(`looked for strays: ${removed} removed, ${this.left.length} left`, { event: 'gc.done' });
    return collected;
  }

  private async deal(found: FoundGarbage, order: CollectionMode): Promise<CollectedGarbage> {
    const { kind, name, reason, byHand } = found;
    const about = { kind, name, reason };
    if (byHand !== undefined) {
      return { ...about, outcome: order === 'look' ? 'found' : 'left', remedy: byHand };
    }
    if (order === 'look') return { ...about, outcome: 'found' };
    if (order === 'clock' && !withoutWord[kind]) {
      return { ...about, outcome: 'left', remedy: 'castle gc removes it' };
    }
    try {
      if (!(await found.remove())) return { ...about, outcome: 'left', remedy: 'somebody has it after all' };
    } catch (thrown) {
      this.emit(`${kind} ${name} could not be removed: ${errorMessage(thrown)}`, { event: 'gc.failed' });
      return { ...about, outcome: 'failed', remedy: errorMessage(thrown) };
    }
    this.emit(`${kind} ${name} is removed: it belonged to nobody, because ${reason}`, {
      event: 'gc.removed',
    });
    return { ...about, outcome: 'removed' };
  }

  /** Once for each: it is found again every hour. */
  private report({ kind, name, reason, remedy }: CollectedGarbage): void {
    const key = `${kind} ${name}`;
    if (this.reported.has(key)) return;
    this.reported.add(key);
    this.emit(`${kind} ${name} belongs to nobody, because ${reason}`, {
      event: 'gc.found',
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
}
