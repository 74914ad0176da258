import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import type { Command } from 'commander';
import { Failure } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { printableJson } from '../../terminal/printable.ts';
import { defaultSocket } from '../daemon/default-paths.ts';
import type { CastleEvent } from '../events/event.ts';
import { readableLine } from '../events/format-event.ts';
import { checkSocket, refusal, unreachable } from './ask-castle.ts';

/** `castle events`: what happens, from now on, until ^C or the castle's end. */
export function addEvents(program: Command): void {
  program
    .command('events')
    .description('follow what happens')
    .option('--socket <path>', "the castle's unix socket", defaultSocket)
    .option('--json', 'print an object of JSON a line')
    .action(async ({ socket, json }: { readonly socket: string; readonly json?: boolean }) => {
      checkSocket(socket);
      const answer = await followed(socket);
      for await (const line of lines(answer)) {
        await print(json === true ? `${printableJson(line)}\n` : readableLine(read(line, socket)));
      }
      throw new Failure('unavailable', `the castle at ${socket} has ended`, 'ask again when it is back');
    });
}

function followed(socketPath: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/v1/events', agent: false }, (answer) => {
      if (answer.statusCode === 200) return resolve(answer);
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => reject(refusal(answer.statusCode ?? 0, parsed(text))));
    });
    asked.on('error', (thrown) => reject(unreachable(socketPath, thrown)));
    asked.end();
  });
}

async function* lines(answer: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  answer.setEncoding('utf8');
  try {
    for await (const part of answer as AsyncIterable<string>) {
      const parts = (rest + part).split('\n');
      rest = parts.pop() ?? '';
      yield* parts;
    }
  } catch {
    // It ended in the middle: to who follows, the castle has ended.
  }
}

function read(line: string, socket: string): CastleEvent {
  const happening = parsed(line);
  if (typeof happening === 'object' && happening !== null && 'event' in happening && 'time' in happening) {
    return happening as CastleEvent;
  }
  throw new Failure('unavailable', `what answers at ${socket} is not a castle`, 'give --socket');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
