// The process in a test container, which sends requests to a castle: one JSON command a line on standard input, one JSON answer a line on
// standard output: {"call": [method, path, body]}, {"raw": text}, {"read": file}, {"write": [file, text]},
// {"begin": [method, path, body]}, {"finish": number}, {"drop": number}, {"hold": file}, {"mounts": point}, {"run": [program, …]}, {"connect": count}, {"untilClosed": true}.
import { execFileSync } from 'node:child_process';
import { appendFileSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';

const socketPath = process.argv[2];

function call([method, path, body], begun = () => undefined) {
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
    begun(asked);
  });
}

/** The pending requests. */
const begun = [];

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

/** The data received on each idle connection. */
const silent = new Map();

/**
 * Opens connections that send nothing. Responds with the number of those that stay open, once the castle has accepted or
 * closed all.
 */
async function connect(count) {
  for (let n = 0; n < count; n++) {
    await new Promise((resolve) => {
      const socket = createConnection(socketPath, resolve);
      const closed = new Promise((end) => socket.once('close', end));
      socket.on('error', () => undefined);
      const entry = { received: '', closed };
      silent.set(socket, entry);
      socket.on('data', (part) => {
        entry.received += part;
      });
      socket.once('close', () => entry.received === '' && silent.delete(socket));
    });
  }
  // The castle accepts connections in order, so its response to a later one shows that all of these have been handled.
  const last = createConnection(socketPath, () => last.write('x'));
  last.on('error', () => undefined).resume();
  await new Promise((resolve) => last.once('close', resolve));
  await new Promise((resolve) => setImmediate(resolve));
  return silent.size;
}

async function untilClosed() {
  const entries = [...silent.values()];
  await Promise.all(entries.map(({ closed }) => closed));
  return entries.map(({ received }) => received);
}

const commands = {
  connect,
  untilClosed,
  call: (what) => call(what),
  begin: (what) => {
    const entry = {};
    entry.answer = call(what, (asked) => {
      entry.asked = asked;
    });
    return begun.push(entry) - 1;
  },
  finish: (number) => begun[number].answer,
  drop: (number) => {
    begun[number].asked.destroy();
  },
  calls: (calls) => Promise.all(calls.map((what) => call(what))),
  raw,
  read: (file) => readFileSync(file, 'utf8'),
  write: ([file, text]) => appendFileSync(file, text),
  hold: (file) => openSync(file, 'a'),
  run: ([program, ...args]) => ({ stdout: execFileSync(program, args, { encoding: 'utf8' }) }),
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
