import type { Table } from './table.ts';

export interface BenchOptions {
  /** Fewer rounds and smaller numbers: tests the benchmark; the figures are not meaningful. */
  readonly quick: boolean;
  /** Prints one line of progress. */
  readonly reportProgress: (line: string) => void;
}

/** One topic of `npm run bench`. */
export interface Section {
  readonly name: string;
  run(options: BenchOptions): Promise<Table[]>;
}
