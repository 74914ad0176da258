import { pino } from 'pino';
import { printableJson } from '../../terminal/printable.ts';
import { type CastleEvent, type EventLevel, eventLevels } from './event.ts';
import { readableLine } from './format-event.ts';

export interface LogSettings {
  /** What matters less is left out. */
  readonly level: EventLevel;
  /** `json`: an object a line, for programs; `text`: a line for people. */
  readonly format: 'json' | 'text';
}

/**
 * The castle's log.
 * @param write takes one whole line with its end. No transport of pino's: those are threads with files of their own,
 *   which a bundle of one file doesn't have, and lose the last lines of a process that is killed.
 */
export function openLog(
  { level, format }: LogSettings,
  write: (line: string) => void,
): (happening: CastleEvent) => void {
  if (format === 'text') {
    const least = order.indexOf(level);
    return (happening) => {
      if (order.indexOf(eventLevels[happening.event]) >= least) write(readableLine(happening));
    };
  }
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: false, // a happening has its own time, the same for everybody who is told of it
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => write(printableJson(line)) },
  );
  return ({ message, ...facts }) => logger[eventLevels[facts.event]](facts, message);
}

/** From what matters least on. */
const order: readonly EventLevel[] = ['debug', 'info', 'warn', 'error'];
