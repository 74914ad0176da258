/** The output of the demo. */
export interface Screen {
  /** Prints a line that stays. */
  line(text: string): void;
  /** Shows figures that change: in place on a terminal; elsewhere one line about once a second. */
  live(title: string, rows: readonly Row[]): void;
  /** Ends a live display, whose last state stays visible. */
  settle(): void;
}

/** A label and its value. Long values that hardly change are marked `terminal`: plain output leaves them out. */
export type Row = readonly [label: string, value: string, where?: 'terminal'];

/** The part of a stream that a screen uses. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * A screen for the stream: live on a terminal, plain lines elsewhere.
 * @param term TERM: a dumb terminal prints escape sequences instead of executing them
 */
export function screenFor(output: Output, now: () => number, term: string | undefined): Screen {
  return output.isTTY === true && term !== 'dumb' ? terminalScreen(output) : plainScreen(output, now);
}

const plainLineEveryMs = 1000;
const labelWidth = 12;

function plainScreen(output: Output, now: () => number): Screen {
  let last = Number.NEGATIVE_INFINITY;
  return {
    line: (text) => void output.write(`${text}\n`),
    live(title, rows) {
      if (now() - last < plainLineEveryMs) return;
      last = now();
      output.write(
        `  ${title}: ${rows.flatMap(([label, value, where]) => (where === 'terminal' ? [] : [`${label} ${value}`])).join('; ')}\n`,
      );
    },
    settle() {
      last = Number.NEGATIVE_INFINITY;
    },
  };
}

const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
const clearToEnd = '\x1b[J';
const upBy = (lines: number): string => (lines === 0 ? '' : `\x1b[${lines}A`);

/** Columns; a terminal without a known size reports 0. */
const width = ({ columns }: Output): number => (columns === undefined || columns === 0 ? 80 : columns);

/** The live rows are the last ones on the terminal; each update moves the cursor up to the first of them. */
function terminalScreen(output: Output): Screen {
  let shown = 0;
  return {
    line: (text) => void output.write(`${text}\n`),
    live(title, rows) {
      // A line that wraps would take two rows, and the cursor would not move up far enough.
      const lines = [title, ...rows.map(([label, value]) => `  ${label.padEnd(labelWidth)} ${value}`)].map(
        (line) => line.slice(0, width(output) - 1),
      );
      const redrawn = lines.map((line) => `${line}\x1b[K\n`).join('');
      output.write(`${hideCursor}${upBy(shown)}\r${redrawn}${clearToEnd}`);
      shown = lines.length;
    },
    settle() {
      if (shown > 0) output.write(showCursor);
      shown = 0;
    },
  };
}
