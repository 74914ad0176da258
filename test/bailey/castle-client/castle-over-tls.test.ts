/** A castle on another host: TLS, the token of this container, and errors with certificates and responses. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import t, { type Test } from 'tap';
import { program, requires } from '../../kit/needs.ts';
import { type Ended, installBailey, run, temporaryFolder } from '../kit/bailey.ts';
import { grantLease, makeCertificate, refuseInUse, startFakeTlsCastle } from '../kit/fake-castle.ts';

interface TlsFixture {
  readonly folder: string;
  readonly home: string;
  /** Runs `bailey jenkins true` with these additional variables. */
  readonly ask: (variables: NodeJS.ProcessEnv) => Promise<Ended>;
}

function createTlsFixture(t: Test): TlsFixture {
  const folder = temporaryFolder(t);
  const home = join(folder, 'home');
  const bailey = installBailey(folder);
  mkdirSync(home);
  const env = { PATH: process.env['PATH'], JENKINS_HOME: home, CASTLE_VOLUME: 'v' };
  return {
    folder,
    home,
    ask: (variables) => run(bailey, { args: ['jenkins', 'true'], env: { ...env, ...variables } }),
  };
}

if (requires(t, program('openssl'))) {
  t.test('every request sends the token and requires the trusted certificate', async (t) => {
    const { folder, home, ask } = createTlsFixture(t);
    const certificate = makeCertificate(folder, 'castle', ['IP:127.0.0.1', 'IP:::1']);
    const castle = await startFakeTlsCastle(t, certificate, (response, nth) =>
      nth === 1 ? refuseInUse(response) : grantLease(response, home),
    );
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'once-and-short\n');
    const ran = await ask({
      CASTLE_URL: castle.url,
      CASTLE_TOKEN_FILE: tokenFile,
      CASTLE_CA_FILE: certificate.file,
    });
    t.equal(ran.code, 0, ran.stderr);
    t.strictSame(castle.requests, ['POST /v1/leases', 'POST /v1/leases']);
    t.strictSame(castle.authorizations, ['Bearer once-and-short', 'Bearer once-and-short']);

    const url = castle.url.replace('127.0.0.1', '[::1]');
    const there = await ask({ CASTLE_URL: url, CASTLE_CA_FILE: certificate.file });
    // Node 22.23 does not match IPv6 addresses in certificates; its error shows that the address was the one to verify.
    if (nodeKnowsIpv6Names()) t.equal(there.code, 0, there.stderr);
    else t.match(there.stderr, /is for another name: .*::1/);
  });

  t.test('a token with characters that are invalid in a header is rejected', async (t) => {
    const { folder, ask } = createTlsFixture(t);
    const certificate = makeCertificate(folder, 'castle', ['IP:127.0.0.1']);
    const castle = await startFakeTlsCastle(t, certificate, refuseInUse);
    const tokenFile = join(folder, 'token');
    for (const [token, fault] of [
      ['', 'is empty'],
      [' \n', 'is empty'],
      ['one\ntwo', 'is not one word of plain ASCII'],
      ['t\u0142ken', 'is not one word of plain ASCII'],
    ] as const) {
      writeFileSync(tokenFile, token);
      const ran = await ask({
        CASTLE_URL: castle.url,
        CASTLE_TOKEN_FILE: tokenFile,
        CASTLE_CA_FILE: certificate.file,
      });
      t.equal(ran.code, 78);
      t.match(ran.stderr, `bailey: CASTLE_TOKEN_FILE ${tokenFile} ${fault}; write only the token`);
    }
    t.strictSame(castle.requests, []);
  });

  t.test('bailey waits for a missing token file; an unreadable one is an error', async (t) => {
    const { folder, ask } = createTlsFixture(t);
    const certificate = makeCertificate(folder, 'castle', ['IP:127.0.0.1']);
    const castle = await startFakeTlsCastle(t, certificate, refuseInUse);
    const url = { CASTLE_URL: castle.url, CASTLE_CA_FILE: certificate.file };
    const missing = await ask({ ...url, CASTLE_TOKEN_FILE: join(folder, 'later'), CASTLE_TIMEOUT: '1s' });
    t.equal(missing.code, 75, missing.stderr);
    t.match(missing.stderr, /^bailey: waiting for storage, .*CASTLE_TOKEN_FILE .*later does not exist$/m);
    t.match(
      missing.stderr,
      /later does not exist, and that has not changed within 1 s .*; create it on the host: castle/,
    );
    const unreadable = await ask({ ...url, CASTLE_TOKEN_FILE: folder });
    t.match(unreadable, { code: 78, stderr: /CASTLE_TOKEN_FILE .* cannot be read: EISDIR/ });
    const half = await ask({ ...url, CASTLE_CERT_FILE: certificate.file });
    t.match(half, { code: 78, stderr: /only one of CASTLE_CERT_FILE and CASTLE_KEY_FILE is set/ });
    t.strictSame(castle.requests, []);
  });

  t.test('no request is sent to a castle without a trusted certificate', async (t) => {
    const { folder, ask } = createTlsFixture(t);
    const certificate = makeCertificate(folder, 'castle', ['DNS:castle.example']);
    const stranger = makeCertificate(folder, 'stranger', ['DNS:castle.example']);
    const castle = await startFakeTlsCastle(t, certificate, refuseInUse);
    const cases: readonly [what: string, file: string | undefined, line: RegExp][] = [
      ['nothing to trust', undefined, /cannot be trusted: .*; set CASTLE_CA_FILE to the certificate/],
      ['another certificate', stranger.file, /cannot be trusted: .*; set CASTLE_CA_FILE/],
      ['a file that is none', join(folder, 'stranger.key'), /cannot be trusted: .*; set CASTLE_CA_FILE/],
      ['another name', certificate.file, /is for another name: .*; put a name of/],
      ['no file', join(folder, 'none'), /CASTLE_CA_FILE .*none cannot be read: ENOENT/],
    ];
    for (const [what, file, line] of cases) {
      const ran = await ask({ CASTLE_URL: castle.url, CASTLE_CA_FILE: file });
      t.equal(ran.code, 78, `${what}: ${ran.stderr}`);
      t.match(ran.stderr, /^bailey: [^\n]+\n$/, `${what}: one line`);
      t.match(ran.stderr, line, what);
    }
    t.strictSame(castle.requests, []);
  });

  t.test('a server that is not a castle, or does not respond, is reported', async (t) => {
    const { folder, ask } = createTlsFixture(t);
    const certificate = makeCertificate(folder, 'castle', ['IP:127.0.0.1']);
    const trusted = { CASTLE_CA_FILE: certificate.file, CASTLE_TIMEOUT: '0' };

    const web = await startFakeTlsCastle(t, certificate, (response) => response.end('<html>'));
    const ran = await ask({ ...trusted, CASTLE_URL: web.url });
    t.equal(ran.code, 78, ran.stderr);
    t.match(ran.stderr, /is not a castle \(HTTP status 200\); check the address\n$/);

    const endless = await startFakeTlsCastle(t, certificate, (response) => {
      const drip = setInterval(() => response.write(' '), 100);
      response.on('close', () => clearInterval(drip));
    });
    const waited = await ask({ ...trusted, CASTLE_URL: endless.url });
    t.equal(waited.code, 69, waited.stderr);
    t.match(waited.stderr, /no castle at .*: no whole answer within 5 s, and CASTLE_TIMEOUT 0 allows/);

    const port = await plainPort(t);
    const spoken = await ask({ ...trusted, CASTLE_URL: `https://127.0.0.1:${port}` });
    t.equal(spoken.code, 69, spoken.stderr);
    t.match(spoken.stderr, /the server there does not use TLS/);
  });
}

/** The port of an HTTP server without TLS. */
async function plainPort(t: Test): Promise<number> {
  const server = createServer((_request, response) => response.end());
  server.listen(0, '::');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Whether this Node matches IPv6 addresses in certificates. */
const nodeKnowsIpv6Names = (): boolean =>
  checkServerIdentity('::1', {
    subject: { CN: 'castle' },
    subjectaltname: 'IP Address:0:0:0:0:0:0:0:1',
  } as PeerCertificate) === undefined;
