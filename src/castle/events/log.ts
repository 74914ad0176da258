import { pino } from 'pino';
import { printableJson } from '../../terminal/printable.ts';
import { type CastleEvent, type EventLevel, eventLevels } from './event.ts';
import { readableLine } from './format-event.ts';

export interface LogSettings {
  /** Events below this level are left out. */
  readonly level: EventLevel;
  /** `json`: one object per line, for programs; `text`: one line per event, for people. */
  readonly format: 'json' | 'text';
  /** Whether the text has colors. */
  readonly isColored: boolean;
}

/**
 * The castle's log.
 * @param write writes one line, which ends with a newline. pino's own transports are not used: they are threads that load
 *   separate files, which a bundle of one file does not have, and they lose the last lines of a killed process.
 */
export function openLog(
  { level, format, isColored }: LogSettings,
  write: (line: string) => void,
): (event: CastleEvent) => void {
  if (format === 'text') {
    const least = order.indexOf(level);
    return (event) => {
      if (order.indexOf(eventLevels[event.event]) >= least) write(readableLine(event, isColored));
    };
  }
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: false, // an event has a time field, which the log and `castle events` show
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => write(printableJson(line)) },
  );
  return ({ message, ...facts }) => logger[eventLevels[facts.event]](facts, message);
}

/** The levels, the least severe first. */
const order: readonly EventLevel[] = ['debug', 'info', 'warn', 'error'];
