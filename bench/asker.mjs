// A container that asks a castle. At each line `VOLUME TARGET` on standard input it asks for the volume, looks whether
// the mount is there, and prints the milliseconds from request to mount.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createInterface } from 'node:readline';

const socketPath = process.argv[2];

function ask(volume, target) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ volume, target });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const asked = request(
      { socketPath, method: 'POST', path: '/v1/leases', headers, agent: false },
      async (answer) => {
        let text = '';
        for await (const part of answer) text += part;
        if (answer.statusCode === 201) resolve(JSON.parse(text));
        else reject(new Error(`${answer.statusCode} ${text}`));
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

function mountIdOf(folder) {
  const fd = openSync(folder, 'r');
  const id = Number(/^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))[1]);
  closeSync(fd);
  return id;
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [volume, target] = line.split(' ');
  const begin = performance.now();
  try {
    const { mountId } = await ask(volume, target);
    if (mountIdOf(target) !== mountId) throw new Error(`${target} is not mount ${mountId}`);
    console.log(String(performance.now() - begin));
  } catch (thrown) {
    console.log(`failed: ${thrown.message}`);
  }
}
process.exit(0);
