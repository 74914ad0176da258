/** Responses at CASTLE_URL that are unexpected, or not from a castle. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Ended, ended, installBailey, run, temporaryFolder } from '../kit/bailey.ts';
import { answerJson, startFakeCastle } from '../kit/fake-castle.ts';

const esc = '\x1b';

/** Runs `bailey jenkins true` with a castle that gives this response; CASTLE_TIMEOUT=0 allows one attempt. */
async function runWithResponse(t: Test, answer: (response: ServerResponse) => void): Promise<Ended> {
  const folder = temporaryFolder(t);
  const home = join(folder, 'home');
  mkdirSync(home);
  const castle = await startFakeCastle(t, folder, answer);
  const env = {
    PATH: process.env['PATH'],
    JENKINS_HOME: home,
    CASTLE_URL: castle.url,
    CASTLE_VOLUME: 'v',
    CASTLE_TIMEOUT: '0',
  };
  return run(installBailey(folder), { args: ['jenkins', 'true'], env });
}

const refusal = (code: string, sentence = 'the sentence', remedy = 'the remedy') => ({
  error: { code, message: sentence, remedy },
});

t.test('a refusal with an unknown code is retried', async (t) => {
  for (const code of ['new_in_2030', 'toString', '__proto__', 'hasOwnProperty']) {
    const ran = await runWithResponse(t, (response) => answerJson(response, 409, refusal(code)));
    t.equal(ran.code, 69, `${code}: ${ran.stderr}`);
    t.match(ran.stderr, /^bailey: the sentence, .*; the remedy\n$/m, code);
  }
});

t.test('control characters in messages of a castle are escaped', async (t) => {
  const sentence = `a${esc}]0;b\u0007c\r\nd\u009b31m\u202ee`;
  const ran = await runWithResponse(t, (response) =>
    answerJson(response, 403, refusal('not_permitted', sentence)),
  );
  t.equal(ran.code, 77);
  t.equal(ran.stderr, 'bailey: a\\x1b]0;b\\x07c d\\x9b31m\\u202ee; the remedy\n');
});

t.test('a response that is not from a castle is retried for status 5xx, else it is an error', async (t) => {
  for (const [status, code] of [
    [502, 69],
    [503, 69],
    [404, 78],
    [200, 78],
  ] as const) {
    const ran = await runWithResponse(t, (response) => void response.writeHead(status).end('<html>'));
    t.equal(ran.code, code, ran.stderr);
    t.match(ran.stderr, `is not a castle (HTTP status ${status})`);
  }
});

t.test(
  'the castle command reports a server that is not a castle, and a socket path that is too long',
  async (t) => {
    const folder = temporaryFolder(t);
    const server = createServer((request, response) => {
      const bodies: Readonly<Record<string, string>> = { '/v1/status': 'hello', '/v1/leases': '{}' };
      response.end(bodies[request.url ?? ''] ?? 'null');
    });
    const socket = join(folder, 's');
    server.listen(socket);
    await once(server, 'listening');
    t.teardown(() => server.close());
    for (const what of ['status', 'leases', 'volumes']) {
      for (const more of [[], ['--json']]) {
        const ran = await castle([what, '--socket', socket, ...more]);
        t.equal(ran.code, 69, ran.stderr);
        t.equal(
          ran.stderr,
          `castle: the program that listens on ${socket} is not a castle; correct --socket\n`,
        );
        t.equal(ran.stdout, '');
      }
    }
    const long = await castle(['status', '--socket', `${socket}${'x'.repeat(100)}`]);
    t.equal(long.code, 78);
    t.match(long.stderr, /^castle: --socket \S+ has \d+ bytes; a socket's path has at most 107; [^\n]+\n$/);
  },
);

const castle = (args: readonly string[]): Promise<Ended> =>
  ended(spawn(process.execPath, ['dist/castle.js', ...args], { stdio: ['ignore', 'pipe', 'pipe'] }));
