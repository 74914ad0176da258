/** Which caller may send which request, and invalid requests. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { type LeaseEvent, nextLeaseState, transitions } from '../../../src/castle/leases/lease-states.ts';
import type { LeaseState } from '../../../src/protocol/contract.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

t.test('every lease ends with its container, and an ended lease has no transition', async (t) => {
  t.equal(nextLeaseState('mounting', 'mounted'), 'mounted');
  t.equal(nextLeaseState('mounted', 'release'), 'releasing');
  t.equal(nextLeaseState('releasing', 'releaseFailed'), 'mounted');
  const states = Object.keys(transitions) as LeaseState[];
  for (const state of states) {
    const ends = state === 'ended' ? undefined : 'ended';
    t.equal(
      transitions[state].containerEnded,
      ends,
      `when the container ends, a lease that is ${state} ends`,
    );
  }
  const possible = new Set(states.flatMap((state) => Object.keys(transitions[state]))) as Set<LeaseEvent>;
  for (const event of possible)
    t.throws(() => nextLeaseState('ended', event), `an ended lease has no transition: ${event}`);
});

if (requires(t, root, program('setpriv'))) {
  t.test('a container sees only its own leases', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const [one, two] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
    await one.lease('one');
    await two.lease('two');
    t.match(await one.call('GET', '/v1/leases'), { status: 200, body: [{ volume: 'one' }] });
    for (const path of ['/v1/volumes', '/v1/status']) {
      t.match(await one.call('GET', path), { status: 403, body: { error: { code: 'not_permitted' } } }, path);
    }
  });

  t.test('a process of the host gets no lease, and only root may list them', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    chmodSync(dirname(castle.socketFolder), 0o755);
    // Another user may not have access to the repository.
    const script = join(castle.socketFolder, 'test-container.mjs');
    copyFileSync('test/castle/kit/test-container.mjs', script);
    const ask = (user: string, command: string) =>
      spawnSync('setpriv', [`--reuid=${user}`, '--clear-groups', process.execPath, script, castle.socket], {
        input: command,
        encoding: 'utf8',
      }).stdout;
    const lease = '{"call": ["POST", "/v1/leases", {"volume": "main", "target": "/mnt"}]}\n';
    const list = '{"call": ["GET", "/v1/leases"]}\n';
    t.match(ask('0', lease), /"status":403.*a process of the host, which is not in a container/);
    t.match(ask('0', list), /"status":200/);
    t.match(ask('65534', list), /"status":403.*uid 65534 of the host may not use the castle/);
    t.same(await castle.ask('volumes'), []);
  });

  t.test(
    'a PID namespace without a mount namespace is refused: the volume would be mounted on the host',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      chmodSync(dirname(castle.socketFolder), 0o755);
      const target = temporaryFolder(t, 'target');
      const call = JSON.stringify({ call: ['POST', '/v1/leases', { volume: 'main', target }] });
      for (const user of ['0', '65534']) {
        const { stdout } = spawnSync(
          'setpriv',
          [
            ...[
              `--reuid=${user}`,
              '--clear-groups',
              'unshare',
              ...(user === '0' ? [] : ['-Ur']),
              '--pid',
              '--fork',
            ],
            ...['--kill-child', process.execPath, 'test/castle/kit/test-container.mjs', castle.socket],
          ],
          { input: `${call}\n`, encoding: 'utf8' },
        );
        t.match(stdout, /"status":403.*shares the mount namespace of the host/, `uid ${user}`);
      }
      t.same(await castle.ask('volumes'), []);
      t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), target);
      const container = await TestContainer.start(t, castle);
      const inner = [
        'unshare',
        '--mount',
        process.execPath,
        'test/castle/kit/test-container.mjs',
        castle.socket,
      ];
      const { stdout } = await container.run('sh', '-c', `echo '${call}' | ${inner.join(' ')}`);
      t.match(stdout, /"status":403.*is not in the mount namespace of container/);
    },
  );

  t.test('invalid requests are refused, and the castle continues to serve', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const wrong: [string, string, string, object | string | undefined, number][] = [
      ['no body', 'POST', '/v1/leases', undefined, 400],
      ['no JSON', 'POST', '/v1/leases', '{"volume": ', 400],
      ['another type', 'POST', '/v1/leases', { volume: 1, target: '/mnt' }, 400],
      [
        'an unknown field',
        'POST',
        '/v1/leases',
        { volume: 'a', target: container.home, container: 'x' },
        400,
      ],
      ['__proto__', 'POST', '/v1/leases', '{"volume": "a", "target": "/mnt", "__proto__": {"x": 1}}', 400],
      ['too large', 'POST', '/v1/leases', { volume: 'a', target: '/'.repeat(20_000) }, 413],
      ['an invalid path', 'DELETE', '/v1/leases/%', undefined, 400],
      ['an unknown path', 'GET', '/v2/everything', undefined, 404],
      ['an unknown method', 'PUT', '/v1/leases', { volume: 'a' }, 404],
      ['an unknown lease', 'DELETE', '/v1/leases/..%2f..%2fetc', undefined, 404],
    ];
    for (const [name, method, path, body, status] of wrong) {
      const answer = await container.call(method, path, body);
      t.match(answer, { status, body: { error: { code: String, message: String, remedy: String } } }, name);
    }
    const post = 'POST /v1/leases HTTP/1.1\r\nhost: x\r\n';
    const raw: [string, string, number][] = [
      ['another protocol', 'GET / HTTP/9.9\r\n\r\n', 400],
      ['headers without end', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      ['an expectation', `${post}expect: the-moon\r\ncontent-length: 0\r\n\r\n`, 417],
    ];
    for (const [name, text, status] of raw) {
      const { received } = await container.raw(text);
      const [head = '', body = ''] = received.split('\r\n\r\n');
      t.match(head, new RegExp(`^HTTP/1.1 ${status} `), name);
      t.match(JSON.parse(body), { error: { code: 'bad_request', message: String, remedy: String } }, name);
    }
    t.same(await castle.ask('volumes'), []);
    t.equal((await container.lease('main')).status, 201, 'the castle continues to serve');
  });

  t.test('the OpenAPI document names every operation', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const container = await TestContainer.start(t, castle);
    const { body } = await container.call('GET', '/v1/openapi.json');
    t.match(body, { openapi: /^3\./, info: { title: 'castle' } });
    const { paths } = body as unknown as { paths: Record<string, Record<string, object>> };
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((m) => `${m} ${path}`),
    );
    t.same(operations.sort(), [
      'delete /v1/copies/{id}',
      'delete /v1/leases/{id}',
      'delete /v1/snapshots/{id}',
      'delete /v1/volumes/{name}',
      'get /healthz',
      'get /metrics',
      'get /v1/copies',
      'get /v1/devices',
      'get /v1/events',
      'get /v1/leases',
      'get /v1/snapshots',
      'get /v1/status',
      'get /v1/volumes',
      'get /v1/volumes/deleted',
      'post /v1/copies/{id}/fetch',
      'post /v1/gc',
      'post /v1/leases',
      'post /v1/snapshots',
      'post /v1/snapshots/prune',
      'post /v1/snapshots/{id}/copy',
      'post /v1/snapshots/{id}/restore',
      'post /v1/tokens',
      'post /v1/volumes',
      'post /v1/volumes/{name}/restore',
      'post /v1/volumes/{name}/size',
      'post /v1/volumes/{name}/unlock',
    ]);
    t.match(paths['/v1/leases']?.['post'], { responses: { 201: {} }, requestBody: {} });
  });
}
