/** Off-host stores that never answer, or do not answer as S3. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { s3Objects } from '../../../src/castle/snapshots/off-host/s3.ts';
import { parsePlace } from '../../../src/castle/snapshots/off-host/s3-place.ts';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

t.setTimeout(0);

/** The credentials of a client: no server here checks them. */
const credentials = { AWS_ACCESS_KEY_ID: 'castle', AWS_SECRET_ACCESS_KEY: 'a-key-of-the-tests' };
Object.assign(process.env, credentials);

/**
 * Starts a server.
 * @param answer called with each connection after the first bytes of a request
 * @returns its address, HOST:PORT
 */
async function serve(t: Test, answer: (client: Socket) => void): Promise<string> {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    client.on('error', () => undefined).on('close', () => clients.delete(client));
    client.on('data', () => answer(client));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const client of clients) client.destroy();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const http = (status: string, body: string): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: text/html\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

const servers: readonly (readonly [string, 'http' | 'https', (client: Socket) => void, RegExp])[] = [
  ['never answers', 'http', () => undefined, /: it does not answer$/],
  [
    'sends half an answer',
    'http',
    (client) => void client.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n<List'),
    /: it does not answer$/,
  ],
  [
    'closes each connection',
    'http',
    (client) => void client.destroy(),
    /: (socket hang up|read ECONNRESET)$/,
  ],
  [
    'is another web server',
    'http',
    (client) => void client.write(http('200 OK', '<html>Welcome</html>')),
    /: it does not answer as an S3 store does$/,
  ],
  [
    'is broken',
    'http',
    (client) => void client.write(http('500 Internal Server Error', 'oops')),
    /: it does not answer as an S3 store does, HTTP status 500$/,
  ],
  [
    'has no TLS',
    'https',
    (client) => void client.end(http('400 Bad Request', '')),
    /: it does not answer with TLS$/,
  ],
];
for (const [what, protocol, answer, reason] of servers) {
  t.test(`a store that ${what} is an error in one sentence`, async (t) => {
    const place = `s3=bucket,endpoint=${protocol}://${await serve(t, answer)},region=us-east-1`;
    const objects = await s3Objects(parsePlace(place), 500);
    await t.rejects(objects.list(''), { code: 'backend_failed', sentence: reason });
  });
}

if (requires(t, root)) {
  t.test('scheduled snapshots are taken and deleted while the store does not answer', async (t) => {
    let requests = 0;
    const address = await serve(t, () => {
      requests += 1;
    });
    const castle = await CastleOnHost.start(t, 'process', {
      options: [
        ...['--off-host', `s3=bucket,endpoint=http://${address},region=us-east-1`],
        ...['--snapshot-schedule', '* * * * * *', '--snapshot-keep', 'last=1'],
      ],
      env: { ...process.env, ...credentials },
    });
    const container = await TestContainer.start(t, castle);
    t.equal((await container.lease('main')).status, 201);
    await until('the store has received a request', () => requests > 0 || undefined);
    await until('later snapshots are deleted', () => castle.eventsNamed('snapshot.removed')[1]);
  });
}
