import { type Color, paint } from '../../terminal/colors.ts';
import { printable } from '../../terminal/printable.ts';
import { type CastleEvent, type EventLevel, eventLevels } from './event.ts';

const colors: Readonly<Record<EventLevel, Color | undefined>> = {
  debug: undefined,
  info: undefined,
  warn: 'yellow',
  error: 'red',
};

/**
 * Formats an event as one line of text: the time of day in UTC, the event's name, its level if that is warn or error, and the
 * message. The fields are omitted, because the message contains the important ones.
 * @param isColored whether to color the level
 */
export function readableLine({ time, event, message, remedy }: CastleEvent, isColored: boolean): string {
  const level = eventLevels[event];
  const label = level === 'info' || level === 'debug' ? '' : `${level}: `;
  const text = remedy === undefined ? message : `${message}; ${remedy}`;
  const head = `${time.slice(11, 19)} ${event.padEnd(16)} `;
  return `${head}${paint(label, isColored && label !== '' ? colors[level] : undefined)}${printable(text)}\n`;
}
