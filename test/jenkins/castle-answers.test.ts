/** What answers at CASTLE_URL is not always a castle, and not always in its right mind. */
import { mkdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Ended, installBailey, run, temporaryFolder } from './kit/bailey.ts';
import { answerJson, startFakeCastle } from './kit/fake-castle.ts';

/** `bailey jenkins true` in front of a castle that answers so; it allows no second try. */
async function ask(t: Test, answer: (response: ServerResponse) => void): Promise<Ended> {
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
  error: { code, sentence, remedy },
});

t.test('a refusal whose code nobody knows', async (t) => {
  for (const code of ['new_in_2030', 'toString', '__proto__', 'hasOwnProperty']) {
    const ran = await ask(t, (response) => answerJson(response, 409, refusal(code)));
    t.equal(ran.code, 69, `${code}: ${ran.stderr}`);
    t.match(ran.stderr, /^bailey: the sentence, .*; the remedy\n$/m, code);
  }
});
