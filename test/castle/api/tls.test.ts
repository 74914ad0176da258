/** The castle's TLS port: peers, protocol versions, the limit on connections, and certificates. */
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import t, { type Test } from 'tap';
import { peerOf } from '../../../src/castle/api/peer-addresses.ts';
import { type Certificate, makeCertificate } from '../../bailey/kit/fake-castle.ts';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';
import { TlsCastle } from '../kit/tls-castle.ts';

t.test('the peer of a connection is its IPv4 address, or the /64 network of its IPv6 address', async (t) => {
  const cases: [string | undefined, string][] = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    [undefined, 'an unknown address'],
  ];
  for (const [address, peer] of cases) t.equal(peerOf(address), peer, String(address));
});

t.setTimeout(0);

if (requires(t, root, program('openssl'))) {
  /** Opens connections that send nothing, not even a TLS ClientHello. @returns those that the castle keeps open */
  async function silent(t: Test, port: number, count: number): Promise<readonly Socket[]> {
    const sockets: Socket[] = [];
    for (let n = 0; n < count; n++) {
      const socket = createConnection({ host: '127.0.0.1', port });
      socket.on('error', () => undefined).resume();
      await once(socket, 'connect');
      sockets.push(socket);
    }
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
    });
    return sockets;
  }

  t.test('malformed requests are refused over TLS', async (t) => {
    const tls = await TlsCastle.start(t);
    const container = await TestContainer.start(t, tls.castle);
    const token = await tls.tokenOf(container, 'main');
    const wrong: [string, string, string, object | string | undefined, number][] = [
      ['no body', 'POST', '/v1/leases', undefined, 400],
      ['no JSON', 'POST', '/v1/leases', '{"volume": ', 400],
      ['another type', 'POST', '/v1/leases', { volume: 1, target: '/mnt' }, 400],
      [
        'a field that names the sender',
        'POST',
        '/v1/leases',
        { volume: 'main', target: '/mnt', container: 'x' },
        400,
      ],
      ['__proto__', 'POST', '/v1/leases', '{"volume": "a", "target": "/mnt", "__proto__": {"x": 1}}', 400],
      ['too large', 'POST', '/v1/leases', { volume: 'main', target: '/'.repeat(20_000) }, 413],
      ['an invalid path', 'DELETE', '/v1/leases/%', undefined, 400],
      ['an unknown lease', 'DELETE', '/v1/leases/..%2f..%2fetc', undefined, 404],
    ];
    for (const [name, method, path, body, status] of wrong) {
      const answer = await tls.ask(token, method, path, body);
      t.match(answer, { status, body: { error: { code: String, message: String, remedy: String } } }, name);
    }
    const post = `POST /v1/leases HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n`;
    const raw: [string, string, number][] = [
      ['another protocol', 'GET / HTTP/9.9\r\n\r\n', 400],
      ['headers without end', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      ['an expectation', `${post}expect: the-moon\r\ncontent-length: 0\r\n\r\n`, 417],
      ['two lengths', `${post}content-length: 1\r\ncontent-length: 2\r\n\r\nx`, 400],
      ['a length and chunks', `${post}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ];
    for (const [name, text, status] of raw) {
      t.match(await tls.raw(text), new RegExp(`^HTTP/1.1 ${status} .*"code":"bad_request"`, 's'), name);
    }
    t.same(await tls.castle.ask('volumes'), []);
    t.equal((await tls.lease(token, 'main', container.home)).status, 201, 'the castle continues to serve');
  });

  t.test('a request without a token is refused before its body is read', async (t) => {
    const tls = await TlsCastle.start(t);
    const socket = await tls.connect();
    socket.write('POST /v1/leases HTTP/1.1\r\nhost: x\r\ncontent-length: 10000\r\n\r\n');
    const [part] = (await once(socket.setEncoding('utf8'), 'data')) as [string];
    t.match(part, /^HTTP\/1.1 403 /);
    socket.destroy();
  });

  t.test('plain HTTP and old TLS versions are refused', async (t) => {
    const tls = await TlsCastle.start(t, 'process', { options: ['--log-level', 'debug'] });
    const [plain] = await silent(t, tls.port, 1);
    plain?.write('GET /v1/leases HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(plain as Socket, 'close');
    await until('the failed handshake is logged', () => tls.castle.eventsNamed('tls.handshake-failed')[0]);
    // A client that accepts every protocol version and cipher.
    const old = connect({
      ...{ host: '127.0.0.1', port: tls.port, ca: readFileSync(tls.certificate.file) },
      ...{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    });
    const [error] = (await once(old, 'error')) as [NodeJS.ErrnoException];
    t.match(error.code, /^(ERR_SSL_|EPROTO|ECONNRESET)/, 'TLS 1.1 is refused');
    const socket = await tls.connect();
    t.match(socket.getProtocol(), /^TLSv1\.[23]$/);
    socket.destroy();
    t.match(tls.castle.eventsNamed('tls.handshake-failed'), [
      { level: 'debug', message: /^TLS handshake with 127\.0\.0\.1 failed: / },
    ]);
  });

  t.test('one peer cannot use up all connections, and silent or slow connections are closed', async (t) => {
    const tls = await TlsCastle.start(t);
    const container = await TestContainer.start(t, tls.castle);
    const sockets = await silent(t, tls.port, 100);
    const closed = () => sockets.filter((socket) => socket.destroyed).length;
    await until('the 65th and later ones are closed', () => closed() >= 36 || undefined);
    t.equal(closed(), 36, 'no other connection is closed');
    t.equal((await container.lease('main')).status, 201, 'the unix socket serves meanwhile');
    await until('the silent connections are closed', () => closed() === 100 || undefined);

    // After the handshake, one connection sends nothing, one sends a header line from time to time, and the body of the
    // third never ends.
    const token = await tls.tokenOf(container, 'other');
    const texts = [
      '',
      'GET /v1/leases HTTP/1.1\r\nhost: x\r\n',
      `POST /v1/leases HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{`,
    ];
    const slow = await Promise.all(
      texts.map(async (text) => {
        const socket = await tls.connect();
        let received = '';
        socket.setEncoding('utf8').on('data', (part: string) => {
          received += part;
        });
        socket.on('error', () => undefined);
        const end = once(socket, 'close');
        const drip = setInterval(
          () => socket.write(text === '' ? '' : text.endsWith('\n') ? 'x: y\r\n' : ' '),
          500,
        );
        socket.write(text);
        await end;
        clearInterval(drip);
        return received;
      }),
    );
    for (const [n, received] of slow.entries()) t.match(received, /^HTTP\/1.1 408 /, `slow ${n}`);
    t.equal((await tls.ask(token, 'GET', '/v1/leases')).status, 200, 'the castle continues to serve');
  });

  t.test('connections that send nothing do not delay the stop of the castle', async (t) => {
    const tls = await TlsCastle.start(t);
    const sockets = await silent(t, tls.port, 3);
    const socket = await tls.connect();
    // Either an end (FIN) or a reset (RST) closes it.
    const ends = [...sockets, socket].map((socket) => {
      socket.on('error', () => undefined);
      return new Promise((resolve) => socket.once('close', resolve));
    });
    t.equal(await tls.castle.end('SIGTERM'), 0);
    await Promise.all(ends);
  });

  t.test('guessed tokens do not fill the log', async (t) => {
    const tls = await TlsCastle.start(t);
    for (let n = 0; n < 100; n++) await tls.lease(`castle1.${n}.x`, `volume-${n}`, '/mnt');
    const lines = tls.castle.eventsNamed('lease.refused');
    t.ok(lines.length <= 10, `${lines.length} lines for 100 guesses`);
    t.equal(await tls.castle.metric('castle_lease_request_seconds_count{outcome="not_permitted"}'), 100);
    await tls.castle.end('SIGTERM');
    t.match(tls.castle.eventsNamed('lease.refused').at(-1), {
      count: 100 - lines.length,
      message: /for 127\.0\.0\.1 /,
    });
  });

  t.test('with --tls-client-ca a client without a certificate is refused', async (t) => {
    const folder = temporaryFolder(t, 'clients');
    const own = makeCertificate(folder, 'client', ['DNS:client']);
    const stranger = makeCertificate(folder, 'stranger', ['DNS:client']);
    const tls = await TlsCastle.start(t, 'process', { options: ['--tls-client-ca', own.file] });
    const container = await TestContainer.start(t, tls.castle);
    const token = await tls.tokenOf(container, 'main');
    const body = { volume: 'main', target: container.home };
    await t.rejects(tls.ask(token, 'POST', '/v1/leases', body), 'a client without a certificate is refused');
    await t.rejects(
      tls.ask(token, 'POST', '/v1/leases', body, stranger),
      'a certificate of another authority is refused',
    );
    t.same(await tls.castle.ask('leases'), []);
    t.equal((await tls.ask(token, 'POST', '/v1/leases', body, own)).status, 201);
    t.match(
      await tls.ask(undefined, 'GET', '/v1/leases', undefined, own),
      { status: 403 },
      'with a certificate, the token is still required',
    );
  });

  t.test('wrong TLS settings keep a castle from starting, and the doctor reports them', async (t) => {
    const folder = temporaryFolder(t, 'wrong');
    const right = makeCertificate(folder, 'right', ['IP:127.0.0.1']);
    const other = makeCertificate(folder, 'other', ['IP:127.0.0.1']);
    const old = makeCertificate(folder, 'old', ['IP:127.0.0.1'], -1);
    const garbage = join(folder, 'garbage');
    writeFileSync(garbage, 'garbage');
    const places = ['--socket', join(folder, 'run/castle.sock'), '--state', join(folder, 'state')];
    places.push('--backend', `local=${folder}/volumes`, '--runtime', 'process');
    const cases: [string, readonly string[], number, RegExp][] = [
      [
        'no key',
        ['--listen', '127.0.0.1:0', '--tls-cert', right.file],
        64,
        /TLS needs --listen, --tls-cert and --tls-key/,
      ],
      [
        'no address',
        ['--tls-cert', right.file, '--tls-key', right.keyFile],
        64,
        /TLS needs --listen, --tls-cert and/,
      ],
      ['no file', listen(join(folder, 'none'), right.keyFile), 78, /cannot read --tls-cert .*none: ENOENT/],
      ['no certificate', listen(garbage, right.keyFile), 78, /--tls-cert .*garbage is not a certificate: /],
      ['no key in it', listen(right.file, garbage), 78, /--tls-key .*garbage is not a private key/],
      [
        'another key',
        listen(right.file, other.keyFile),
        78,
        /other\.key does not belong to the first certificate in/,
      ],
      [
        'no authority',
        [...listen(right.file, right.keyFile), '--tls-client-ca', garbage],
        78,
        /--tls-client-ca .*garbage is not a certificate/,
      ],
    ];
    for (const [what, options, code, sentence] of cases) {
      const castle = ['dist/castle.js', 'serve', ...places, ...options];
      t.match(await run(process.execPath, castle), { code, stderr: sentence }, what);
    }
    const unlike = ['dist/castle.js', 'doctor', ...places, ...listen(right.file, other.keyFile)];
    t.match(await run(process.execPath, unlike), {
      code: 1,
      stdout: /^missing +TLS on .*does not belong to/m,
    });
    for (const address of ['127.0.0.1', 'x:99999', '[1.2.3.4]:1']) {
      const args = ['dist/castle.js', 'serve', ...places, ...listen(right.file, right.keyFile, address)];
      t.match(
        await run(process.execPath, args),
        { code: 64, stderr: /--listen ".*" is not HOST:PORT/ },
        address,
      );
    }
    const doctor = async ({ file, keyFile }: Certificate) => {
      const args = ['dist/castle.js', 'doctor', ...places, ...listen(file, keyFile)];
      return (await run(process.execPath, args)).stdout;
    };
    t.match(await doctor(old), /^missing +TLS on 127\.0\.0\.1:0: .*old\.crt has expired on .*\n +renew it/m);
    t.match(await doctor(right), /^warning +TLS on 127\.0\.0\.1:0: .*right\.crt expires on .*\n +renew it/m);
    t.match(
      await doctor(makeCertificate(folder, 'long', ['IP:127.0.0.1'], 90)),
      /^ok +TLS on .*long\.crt is valid until /m,
    );
    const opened = makeCertificate(folder, 'opened', ['IP:127.0.0.1'], 90);
    chmodSync(opened.keyFile, 0o644);
    t.match(
      await doctor(opened),
      /^warning +TLS on .*: other users can read the key .*opened\.key.*\n +run: chmod 600 /m,
    );
  });

  t.test('with an expired certificate the unix socket still serves', async (t) => {
    const { file, keyFile } = makeCertificate(temporaryFolder(t, 'old'), 'old', ['IP:127.0.0.1'], -1);
    const castle = await CastleOnHost.start(t, 'process', { options: listen(file, keyFile) });
    t.match(castle.eventsNamed('tls.certificate-expires'), [
      { level: 'warn', message: /old\.crt has expired on / },
    ]);
    t.equal((await (await TestContainer.start(t, castle)).lease('main')).status, 201);
  });
}

const listen = (cert: string, key: string, address = '127.0.0.1:0') => [
  ...['--listen', address, '--tls-cert', cert, '--tls-key', key],
];
