import type { Table } from './table.ts';

export interface BenchOptions {
  /** Fewer rounds and smaller numbers: shows that it works, gives no figures to quote. */
  readonly quick: boolean;
  /** Prints one line of progress. */
  readonly reportProgress: (line: string) => void;
}

/** One topic of `npm run bench`. */
export interface Section {
  readonly name: string;
  run(options: BenchOptions): Promise<Table[]>;
}
