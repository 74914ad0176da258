// The program of these tests' containers: requests its volume until the castle grants it, prints each new answer, writes to
// the volume, and keeps running.
//   node ask-castle.mjs VOLUME TARGET
import { appendFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const [volume, target] = process.argv.slice(2);
process.on('SIGTERM', () => process.exit(0));

function ask() {
  return new Promise((resolve) => {
    const body = JSON.stringify({ volume, target });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const options = { socketPath: '/run/castle/castle.sock', method: 'POST', path: '/v1/leases', headers };
    const asked = request({ ...options, agent: false }, async (answer) => {
      let text = '';
      for await (const part of answer) text += part;
      resolve({ status: answer.statusCode, retryAfter: answer.headers['retry-after'], ...JSON.parse(text) });
    });
    asked.on('error', (error) => resolve({ status: 0, error: { code: error.code } }));
    asked.end(body);
  });
}

let last = '';
for (;;) {
  const { status, retryAfter, error } = await ask();
  const result =
    status === 201 || status === 200 ? 'has its volume' : `${status} ${error.code} ${retryAfter}`;
  if (result !== last) console.log(result);
  last = result;
  if (error === undefined) break;
  await pause(200);
}
appendFileSync(`${target}/lives`, 'x');
setInterval(() => undefined, 1 << 30);
