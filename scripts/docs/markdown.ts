/** One row of a table; each cell is Markdown. */
export type Row = readonly string[];

/** @returns a Markdown table; `|` in a cell is escaped */
export function markdownTable(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text as code, for names that a reader types. */
export const code = (text: string): string => (text === '' ? '' : `\`${text}\``);
