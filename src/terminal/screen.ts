import type { WriteStream } from 'node:tty';
import { endingSignals } from './ending-signals.ts';

/**
 * xterm's control sequences (ctlseqs): 1049 is the alternate screen, which has no scrollback and leaves that of the normal
 * screen unchanged; 25 is the cursor; 7 is autowrap: with it off, the terminal truncates a line that is wider than computed.
 */
const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const home = '\x1b[H';
const eraseRestOfLine = '\x1b[K';
const eraseBelow = '\x1b[J';

/** The size of a terminal that reports 0 columns or rows, as a serial console or a new pseudo-terminal does. */
const [defaultColumns, defaultRows] = [80, 24];

/** A color sequence, or one character; only a character takes a column. */
const units = /\x1b\[[0-9;]*m|./gsu;

/** The whole window of a terminal, for text that is replaced repeatedly. */
export interface Screen {
  /** Replaces the shown text; the new text is clipped to the window. */
  show(text: string): void;
  /** Restores the former content of the terminal. */
  close(): void;
}

/**
 * Switches a terminal to its alternate screen. The normal screen and the cursor are restored when the process ends,
 * except by SIGKILL, and while it is stopped (Ctrl-Z). Ending signals still end the process.
 */
export function openScreen(terminal: WriteStream): Screen {
  let shown = '';
  let isOpen = false;

  // Node writes to a terminal synchronously (process.stdout, 'A note on process I/O'): nothing is lost at the exit.
  const write = (text: string): void => void terminal.write(text);

  function open(): void {
    if (!isOpen) write(enter);
    isOpen = true;
    draw();
  }
  function restore(): void {
    if (isOpen) write(leave);
    isOpen = false;
  }
  function draw(): void {
    if (!isOpen) return;
    write(home + clip(shown, terminal.columns || defaultColumns, terminal.rows || defaultRows) + eraseBelow);
  }
  function endBy(signal: NodeJS.Signals): void {
    close();
    // Without the handler the signal ends the process, so that its exit status shows the signal.
    process.kill(process.pid, signal);
  }
  /**
   * Stops the process until SIGCONT. SIGSTOP is not used: in an orphaned process group, as under `docker exec -it` or
   * `ssh -t`, no shell would ever continue the process. There the kernel discards SIGTSTP (POSIX, 2.4.3), and the process
   * continues at once.
   */
  function suspend(): void {
    restore();
    process.off('SIGTSTP', suspend);
    process.kill(process.pid, 'SIGTSTP');
    process.on('SIGTSTP', suspend);
    open();
  }
  function close(): void {
    restore();
    terminal.off('resize', draw).off('error', ignore);
    process.off('exit', restore).off('SIGTSTP', suspend).off('SIGCONT', open);
    for (const signal of endingSignals) process.off(signal, endBy);
  }

  for (const signal of endingSignals) process.on(signal, endBy);
  process.on('exit', restore).on('SIGTSTP', suspend).on('SIGCONT', open);
  terminal.on('resize', draw).on('error', ignore);
  open();
  return {
    show(text) {
      shown = text;
      draw();
    },
    close,
  };
}

/** Ignores the error of a write to a terminal that has hung up (EIO); SIGHUP ends the process. */
const ignore = (): void => undefined;

/**
 * Returns the part of a text that fits into a window. When lines are omitted, the last row shows their number.
 * @param text whole lines, each with its end; color sequences take no columns
 */
export function clip(text: string, columns: number, rows: number): string {
  const lines = text.replace(/\n$/, '').split('\n');
  const fits = lines.length <= rows;
  const seen = fits ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`];
  return seen.map((line) => clipLine(line, columns) + eraseRestOfLine).join('\r\n');
}

function clipLine(line: string, columns: number): string {
  let left = columns;
  return (line.match(units) ?? [])
    .filter((unit) => {
      if (unit.length > 1 && unit.startsWith('\x1b')) return true; // a color sequence or its reset
      left -= 1;
      return left >= 0;
    })
    .join('');
}
