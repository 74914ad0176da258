import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { Garbage } from '../garbage/garbage.ts';
import type { Collector, FoundGarbage } from './collector.ts';

/** What a run did with one piece of garbage. */
export type GarbageOutcome =
  /** Found by a run that removes nothing. */
  | 'found'
  | 'removed'
  /** It is in use after all, or a person must decide. */
  | 'left'
  | 'failed';

/** Garbage, and what the run did with it. */
export interface CollectedGarbage extends Pick<FoundGarbage, 'kind' | 'name' | 'reason'> {
  readonly outcome: GarbageOutcome;
  /** What a person can do about it. */
  readonly remedy?: string;
}

/** What a run may remove. */
export type CollectionMode =
  /** Nothing. */
  | 'look'
  /** Everything: a person has ordered it, and could see the list before. */
  | 'person'
  /** Only what holds no data: the run is periodic. */
  | 'clock';

/**
 * What a periodic run removes. Volumes and snapshots are data: when the store does not know them, the store may have been
 * lost. Deleted volumes are purged when their time is over, independently of this.
 */
const isRemovedPeriodically: Readonly<Record<Garbage['kind'], boolean>> = {
  lease: true,
  mount: true,
  file: true,
  device: false,
  volume: false,
  snapshot: false,
};

/** Finds garbage, which no lease and no record refers to, and removes it. */
export class GarbageCollection {
  /** The last run: two at the same time would find the same garbage. */
  private last: Promise<unknown> = Promise.resolve();
  /** The garbage that was reported already, as `KIND NAME`. */
  private readonly reported = new Set<string>();
  private left: readonly CollectedGarbage[] = [];

  constructor(
    private readonly collectors: readonly Collector[],
    private readonly emit: EmitEvent,
  ) {}

  /** Runs all collectors, after a run in progress has ended. */
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

  /** Resolves when no run is in progress. */
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
    if (order === 'clock' && !isRemovedPeriodically[kind]) {
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

  /** Reports each piece once, although every run finds it again. */
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
