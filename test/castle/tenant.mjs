// A process in a container that asks a castle, one JSON command a line on standard input, one JSON answer a line on
// standard output: {"call": [method, path, body]}, {"raw": text}, {"read": file}, {"write": [file, text]},
// {"hold": file}, {"mounts": point}, {"run": [program, …]}.
import { execFileSync } from 'node:child_process';
import { appendFileSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';

const socketPath = process.argv[2];

function call([method, path, body]) {
  return new Promise((resolve) => {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const headers =
      text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const asked = request({ socketPath, method, path, headers, agent: false }, async (answer) => {
      let received = '';
      for await (const part of answer) received += part;
      resolve({ status: answer.statusCode, body: received === '' ? undefined : JSON.parse(received) });
    });
    asked.on('error', (error) => resolve({ error: error.code ?? error.message }));
    asked.end(text);
  });
}

function raw(text) {
  return new Promise((resolve) => {
    let received = '';
    const socket = createConnection(socketPath, () => socket.write(text));
    socket.on('data', (part) => {
      received += part;
    });
    socket.on('error', (error) => resolve({ error: error.code }));
    socket.on('close', () => resolve({ received }));
  });
}

const commands = {
  call,
  calls: (calls) => Promise.all(calls.map(call)),
  raw,
  read: (file) => readFileSync(file, 'utf8'),
  write: ([file, text]) => appendFileSync(file, text),
  hold: (file) => openSync(file, 'a'),
  run: ([program, ...args]) => void execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] }),
  mounts: (point) =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.split(' ')[4] === point),
};

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [[name, argument]] = Object.entries(JSON.parse(line));
  try {
    console.log(JSON.stringify({ value: await commands[name](argument) }));
  } catch (thrown) {
    console.log(JSON.stringify({ thrown: thrown.code ?? thrown.message }));
  }
}
process.exit(0);
