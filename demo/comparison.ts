import { costText } from './figure-rows.ts';
import type { InitFigures } from './figures.ts';

/** The figures of one container that are compared. */
export interface ComparedFigures {
  /** The program that PID 1 runs. */
  readonly pid1Program: string;
  readonly orphans: number;
  /** At the end of the run. */
  readonly zombies: number;
  /** undefined when PID 1 is not bailey-init. */
  readonly init: InitFigures | undefined;
  /** The exit code after SIGTERM. */
  readonly exitCode: number;
}

/** @returns a table of both containers side by side, as lines */
export function comparison(without: ComparedFigures, withInit: ComparedFigures): readonly string[] {
  const row = (label: string, value: (figures: ComparedFigures) => string | number) =>
    [label, String(value(without)), String(value(withInit))] as const;
  const rows = [
    ['', 'without bailey-init', 'with bailey-init'],
    row('PID 1', ({ pid1Program, init }) =>
      init === undefined ? pid1Program : `${pid1Program}, ${init.residentKb} KB`,
    ),
    row('orphans', ({ orphans }) => orphans),
    row('zombies at the end', ({ zombies }) => zombies),
    row('cost of reaping', ({ init }) => (init === undefined ? 'none' : costText(init))),
    row('exit code after SIGTERM', ({ exitCode }) => exitCode),
  ] as const;
  const widths = [0, 1].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map(([label, left, right]) =>
    `  ${label.padEnd(widths[0] ?? 0)}   ${left.padEnd(widths[1] ?? 0)}   ${right}`.trimEnd(),
  );
}
