import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import type { Command } from 'commander';
import { hasColors } from '../../terminal/colors.ts';
import { Failure } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { printableJson } from '../../terminal/printable.ts';
import type { CastleEvent } from '../events/event.ts';
import { readableLine } from '../events/format-event.ts';
import { checkSocket, notCastle, refusalFailure, unreachable } from './ask-castle.ts';
import { socketOption } from './socket-option.ts';

/** `castle events`: prints each event as it happens, until ^C or until the castle stops. */
export function addEvents(program: Command): void {
  program
    .command('events')
    .description('print each event as it happens')
    .addOption(socketOption())
    .option('--json', 'print one JSON object per line')
    .action(async ({ socket, json }: { readonly socket: string; readonly json?: boolean }) => {
      checkSocket(socket);
      const isColored = hasColors(process.stdout, process.env);
      for await (const line of linesOf(await openEvents(socket))) {
        await print(
          json === true ? `${printableJson(line)}\n` : readableLine(toEvent(line, socket), isColored),
        );
      }
      throw new Failure(
        'unavailable',
        `the castle at ${socket} has stopped`,
        'run this again when the castle has started again',
      );
    });
}

/** @returns the response of /v1/events, which ends when the castle stops */
function openEvents(socketPath: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const events = request({ socketPath, path: '/v1/events', agent: false }, (response) => {
      if (response.statusCode === 200) return resolve(response);
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => reject(refusalFailure(response.statusCode ?? 0, parseJson(text))));
    });
    events.on('error', (thrown) => reject(unreachable(socketPath, thrown)));
    events.end();
  });
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  response.setEncoding('utf8');
  try {
    for await (const part of response as AsyncIterable<string>) {
      const parts = (rest + part).split('\n');
      rest = parts.pop() ?? '';
      yield* parts;
    }
  } catch {
    // The connection was cut: for the reader, the castle has stopped.
  }
}

function toEvent(line: string, socket: string): CastleEvent {
  const event = parseJson(line);
  if (typeof event === 'object' && event !== null && 'event' in event && 'time' in event) {
    return event as CastleEvent;
  }
  throw notCastle(socket);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
