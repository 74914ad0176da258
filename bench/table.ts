/** A table of measurements: one row per program, one column per quantity; less is always better. */
export interface Table {
  readonly title: string;
  /** How the values were measured. */
  readonly notes: readonly string[];
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

export interface Column {
  /** Name with the unit, as `RSS KB`. */
  readonly name: string;
  /** Decimals to print. */
  readonly digits: number;
}

export interface Row {
  readonly name: string;
  /** Whether the row is Bailey's, which is compared with the best of the others. */
  readonly ours: boolean;
  /** In the order of the columns; undefined where nothing was measured. */
  readonly values: readonly (number | undefined)[];
}

/** Bailey's rows divided by the best of the other rows, per column; undefined where there is no quotient. */
export function ratios(table: Table): { name: string; values: (number | undefined)[] }[] {
  const best = table.columns.map((_, column) => {
    const others = table.rows.filter((row) => !row.ours).map((row) => row.values[column]);
    return Math.min(...others.filter((value) => value !== undefined));
  });
  return table.rows
    .filter((row) => row.ours)
    .map((row) => ({
      name: row.name,
      values: row.values.map((value, column) => divide(value, best[column])),
    }));
}

function divide(value: number | undefined, best: number | undefined): number | undefined {
  if (value === undefined || best === undefined || !Number.isFinite(best)) return undefined;
  if (best === 0) return value === 0 ? 1 : undefined;
  return value / best;
}

/** The table as aligned text, with the ratios below it. */
export function renderTable(table: Table): string {
  const head = ['', ...table.columns.map((column) => column.name)];
  const rows = table.rows.map((row) => [
    row.name,
    ...table.columns.map((column, index) => row.values[index]?.toFixed(column.digits) ?? '–'),
  ]);
  const compared = ratios(table).map((row) => [
    `${row.name} ÷ best other`,
    ...row.values.map((value) => (value === undefined ? '–' : `${value.toFixed(2)}×`)),
  ]);
  const all = [head, ...rows, ...compared];
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [
    table.title,
    '',
    line(head),
    rule,
    ...rows.map(line),
    ...(compared.length > 0 ? [rule, ...compared.map(line)] : []),
    '',
    ...table.notes,
    '',
  ].join('\n');
}
