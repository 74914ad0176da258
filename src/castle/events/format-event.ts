import { printable } from '../../terminal/printable.ts';
import { type CastleEvent, eventLevels } from './event.ts';

/**
 * A happening for somebody who looks at a terminal: the time of day in UTC, what matters more than usual, the event, the
 * sentence. The fields are left out: the sentence has in words what people need of them.
 */
export function readableLine({ time, event, message, remedy }: CastleEvent): string {
  const level = eventLevels[event];
  const marked = level === 'info' || level === 'debug' ? '' : `${level}: `;
  const todo = remedy === undefined ? '' : `; ${remedy}`;
  return `${time.slice(11, 19)} ${event.padEnd(16)} ${printable(`${marked}${message}${todo}`)}\n`;
}
