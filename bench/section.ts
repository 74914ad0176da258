import type { Table } from './table.ts';

export interface BenchOptions {
  /** Fewer rounds and smaller numbers: to see that it works, not to be quoted. */
  readonly quick: boolean;
  /** Prints one line of progress. */
  readonly say: (line: string) => void;
}

/** One topic of `npm run bench`. */
export interface Section {
  readonly name: string;
  run(options: BenchOptions): Promise<Table[]>;
}
