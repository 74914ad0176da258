/** `castle events` and `--watch`: events are printed as they happen, and clients that do not read are limited. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import t, { type Test } from 'tap';
import { run } from '../../kit/docker.ts';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

/** A castle command that runs until it is ended. */
class RunningCommand {
  output = '';
  stderr = '';
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;

  constructor(t: Test, castle: CastleOnHost, ...args: readonly string[]) {
    const command = ['dist/castle.js', ...args, '--socket', castle.socket];
    this.#process = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, ...command]);
    this.#ended = once(this.#process, 'close');
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    t.teardown(() => this.end('SIGKILL'));
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#process.kill(signal);
    await this.#ended;
  }

  async code(): Promise<number | null> {
    await this.#ended;
    return this.#process.exitCode;
  }
}

/** Waits until a client receives events: creates volumes until the client prints the name of one. */
const untilReceiving = (castle: CastleOnHost, command: RunningCommand) =>
  until('the client prints events', async () => {
    const name = `probe-${Math.random()}`;
    await castle.call('DELETE', `/v1/volumes/${name}`);
    await run(process.execPath, ['dist/castle.js', 'volume', 'create', name, '--socket', castle.socket]);
    return command.output.includes(name) || undefined;
  });

if (requires(t, root)) {
  t.test('castle events prints events as text or JSON until the castle ends', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [asText, asJson] = [
      new RunningCommand(t, castle, 'events'),
      new RunningCommand(t, castle, 'events', '--json'),
    ];
    await untilReceiving(castle, asText);
    await untilReceiving(castle, asJson);
    const container = await TestContainer.start(t, castle);
    const { id } = (await container.lease('main')).body;
    await container.call('DELETE', `/v1/leases/${id}`);
    await until(
      'the release is printed',
      () =>
        (asText.output.includes('lease.released') && asJson.output.includes('lease.released')) || undefined,
    );
    t.match(
      asText.output,
      /^\d\d:\d\d:\d\d lease\.granted +volume main, container process-\d+: mounted on /m,
    );
    const events = asJson.output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly event: string; readonly lease?: string });
    t.same(
      events.filter(({ lease }) => lease === id).map(({ event }) => event),
      ['lease.granted', 'lease.released'],
    );
    t.equal(await castle.end('SIGTERM'), 0, 'open event streams do not delay the stop');
    for (const command of [asText, asJson]) {
      t.equal(await command.code(), 69);
      t.match(command.stderr, /^castle: the castle at .* has stopped; run this again/);
    }
  });

  t.test(
    'a client that does not read its events uses little memory and receives the number of dropped events',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process', { options: ['--log-level', 'error'] });
      const container = await TestContainer.start(t, castle);
      const socket = createConnection(castle.socket);
      t.teardown(() => socket.destroy());
      socket.write('GET /v1/events HTTP/1.1\r\nhost: castle\r\n\r\n');
      await once(socket, 'readable');
      // Each response makes a log line, which the path makes long. Together they exceed every buffer between the castle and
      // the client.
      const target = `${container.home}/${'x'.repeat(3500)}`;
      const before = Number(await castle.metric('process_resident_memory_bytes'));
      for (let round = 0; round < 12; round++) {
        const asks = Array.from({ length: 20 }, (_, n) => {
          return ['POST', '/v1/leases', { volume: `v-${round}-${n}`, target }] as const;
        });
        await container.calls(asks);
      }
      t.match(await container.lease('main'), { status: 201 }, 'other clients are served');
      const after = Number(await castle.metric('process_resident_memory_bytes'));
      t.ok(after - before < 100e6, `${Math.round((after - before) / 1e6)} MB more`);
      let text = '';
      socket.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      await until('events.dropped is printed', async () => {
        await castle.call('DELETE', '/v1/volumes/none');
        await container.call('DELETE', `/v1/leases/${(await castle.leaseOf('main'))?.id}`);
        await container.lease('main');
        return /"event":"events\.dropped","count":\d+/.test(text) || undefined;
      });
      t.pass('later events follow');
    },
  );

  t.test('an event stream above the limit is refused', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const sockets = Array.from({ length: 32 }, () => createConnection(castle.socket));
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (const socket of sockets) {
      socket.write('GET /v1/events HTTP/1.1\r\nhost: castle\r\n\r\n');
      await once(socket, 'data');
    }
    t.match(await castle.get('/v1/events'), { status: 409, text: /too many clients read/ });
    sockets[0]?.destroy();
    await until('another event stream is accepted', async () => {
      const socket = createConnection(castle.socket);
      sockets.push(socket);
      socket.write('GET /v1/events HTTP/1.1\r\nhost: castle\r\n\r\n');
      const [first] = (await once(socket, 'data')) as [Buffer];
      return String(first).startsWith('HTTP/1.1 200') || undefined;
    });
    t.pass('a closed event stream makes room for another');
  });

  t.test('--watch prints the state repeatedly', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [text, json] = [
      new RunningCommand(t, castle, 'leases', '--watch', '0.2'),
      new RunningCommand(t, castle, 'leases', '--json', '--watch', '0.2'),
    ];
    await until('both print the state', () => (text.output !== '' && json.output !== '') || undefined);
    t.match(text.output, /^\d{4}-.*Z\nno leases\n/);
    t.match(json.output, /^\[\]\n/);
    const container = await TestContainer.start(t, castle);
    await container.lease('main');
    await until(
      'both print the lease',
      () =>
        (/^main +process-/m.test(text.output) && /^\[\{.*"volume":"main"/m.test(json.output)) || undefined,
    );
    await text.end('SIGINT');
    for (const wrong of ['0', 'x', '-1']) {
      const ended = await run(process.execPath, ['dist/castle.js', 'status', `--watch=${wrong}`]);
      t.match(ended, { code: 64, stderr: /number of seconds/ }, wrong);
    }
    await castle.end('SIGTERM');
    t.equal(await json.code(), 69, 'the command ends with the castle');
  });
}
