import { type Color, paint } from './colors.ts';
import { printable } from './printable.ts';

/**
 * Lays rows out in columns, two spaces apart. The first row has the titles. Control characters in a cell are escaped.
 * @param colorOf the color of a cell, by its column's title; undefined: none
 * @returns one line for each row, without trailing spaces
 */
export function inColumns(
  rows: readonly (readonly string[])[],
  colorOf: (title: string, cell: string) => Color | undefined = () => undefined,
): string[] {
  const [titles = [], ...entries] = rows.map((row) => row.map(printable));
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...entries.map((row) => row[column]?.length ?? 0)),
  );
  const toLine = (cells: readonly string[], color: (column: number, cell: string) => Color | undefined) =>
    cells
      .map((cell, column) => {
        const padding = column === cells.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - cell.length);
        return `${paint(cell, color(column, cell))}${padding}`;
      })
      .join('  ')
      .trimEnd();
  return [
    toLine(titles, () => undefined),
    ...entries.map((row) => toLine(row, (column, cell) => colorOf(titles[column] ?? '', cell))),
  ];
}
