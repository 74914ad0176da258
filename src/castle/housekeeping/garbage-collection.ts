import { errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import type { Garbage } from '../garbage/garbage.ts';
import type { Collector, FoundGarbage } from './collector.ts';

/** What a run did with one piece of garbage. */
export type GarbageOutcome =
  /** Found by a run that removes nothing. */
  | 'found'
  | 'removed'
  /** Not removed: the object is in use, or an operator must decide. */
  | 'left'
  | 'failed';

/** A piece of garbage, and what the run did with it. */
export interface CollectedGarbage extends Pick<FoundGarbage, 'kind' | 'name' | 'reason'> {
  readonly outcome: GarbageOutcome;
  /** What an operator can do about the garbage. */
  readonly remedy?: string;
}

/** What a run may remove. */
export type CollectionMode =
  /** Nothing. */
  | 'dry-run'
  /** Everything: an operator started the run, and could list the garbage before. */
  | 'requested'
  /** Only objects that hold no data: the run is periodic. */
  | 'periodic';

/**
 * Which kinds of garbage a periodic run removes. It does not remove volumes and snapshots, because they are data, and missing
 * records may mean that the store was lost. The periodic purge removes deleted volumes independently of this.
 */
const isRemovedPeriodically: Readonly<Record<Garbage['kind'], boolean>> = {
  lease: true,
  mount: true,
  file: true,
  device: false,
  volume: false,
  snapshot: false,
};

/** Finds and removes garbage: objects that no lease and no record refers to. */
export class GarbageCollection {
  /** The most recent run. The next run waits for it, because two concurrent runs would find the same garbage. */
  private last: Promise<unknown> = Promise.resolve();
  /** The garbage that has been reported, as `KIND NAME`. */
  private readonly reported = new Set<string>();
  private left: readonly CollectedGarbage[] = [];

  constructor(
    private readonly collectors: readonly Collector[],
    private readonly emit: EmitEvent,
  ) {}

  /** Runs all collectors, after a run in progress has ended. */
  run(mode: CollectionMode): Promise<readonly CollectedGarbage[]> {
    const mine = this.last.then(() => this.collect(mode));
    this.last = mine.catch(() => undefined);
    return mine;
  }

  /** Returns the number of objects that the last run did not remove, by kind. */
  leftByKind(): ReadonlyMap<Garbage['kind'], number> {
    const numbers = new Map<Garbage['kind'], number>();
    for (const { kind } of this.left) numbers.set(kind, (numbers.get(kind) ?? 0) + 1);
    return numbers;
  }

  /** Resolves when no run is in progress. */
  async idle(): Promise<void> {
    await this.last;
  }

  private async collect(mode: CollectionMode): Promise<readonly CollectedGarbage[]> {
    const collected: CollectedGarbage[] = [];
    for (const { name, find } of this.collectors) {
      try {
        for (const found of await find()) collected.push(await this.deal(found, mode));
      } catch (thrown) {
        this.emit(`cannot search for ${name}: ${errorMessage(thrown)}`, { event: 'gc.failed' });
      }
    }
    this.left = collected.filter(({ outcome }) => outcome !== 'removed');
    if (mode === 'periodic') for (const one of this.left) this.report(one);
    const removed = collected.length - this.left.length;
    this.emit(`collected garbage: ${removed} removed, ${this.left.length} left`, { event: 'gc.done' });
    return collected;
  }

  private async deal(found: FoundGarbage, mode: CollectionMode): Promise<CollectedGarbage> {
    const { kind, name, reason, operatorRemedy } = found;
    const about = { kind, name, reason };
    if (operatorRemedy !== undefined) {
      return { ...about, outcome: mode === 'dry-run' ? 'found' : 'left', remedy: operatorRemedy };
    }
    if (mode === 'dry-run') return { ...about, outcome: 'found' };
    if (mode === 'periodic' && !isRemovedPeriodically[kind]) {
      return { ...about, outcome: 'left', remedy: 'to remove it, run: castle gc' };
    }
    try {
      if (!(await found.remove()))
        return {
          ...about,
          outcome: 'left',
          remedy: 'it is in use; to remove it, end the program that uses it, then run: castle gc',
        };
    } catch (thrown) {
      this.emit(`cannot remove ${kind} ${name}: ${errorMessage(thrown)}`, { event: 'gc.failed' });
      return { ...about, outcome: 'failed', remedy: errorMessage(thrown) };
    }
    this.emit(`removed the garbage ${kind} ${name}: ${reason}`, {
      event: 'gc.removed',
    });
    return { ...about, outcome: 'removed' };
  }

  /** Reports a piece of garbage, unless an earlier run has reported it. */
  private report({ kind, name, reason, remedy }: CollectedGarbage): void {
    const key = `${kind} ${name}`;
    if (this.reported.has(key)) return;
    this.reported.add(key);
    this.emit(`${kind} ${name} is garbage: ${reason}`, {
      event: 'gc.found',
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
}
