/** How `bailey agent` checks a controller that is ready, unreachable, starting, or another server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { program, requires } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { ended, start } from '../kit/bailey.ts';
import { makeCertificate } from '../kit/fake-castle.ts';
import { createAgentFixture, identity } from './kit/agent-fixture.ts';
import { always, asJenkins, closedPort, startAgentPort, startController } from './kit/controller.ts';

/** One attempt. */
const once = ['--connect-timeout', '0'];
const ran = /^java ran /;

t.test('for a ready controller, nothing is logged and no secret is sent', async (t) => {
  const { agent } = createAgentFixture(t);
  const agentPort = await startAgentPort(t);
  const plain = await startController(t, asJenkins(agentPort));
  const { code, stdout, stderr } = await agent(['-url', plain.url, ...identity]);
  t.match([code, stderr], [0, '']);
  t.match(stdout, ran);
  t.strictSame(plain.requests, ['GET /tcpSlaveAgentListener/']);
  t.notMatch(plain.headers(), /c0ffee/);

  const below = await startController(t, asJenkins(agentPort, '/jenkins'));
  for (const url of [`${below.url}jenkins`, `${below.url}jenkins/`]) {
    const { code, stderr } = await agent(['-url', url, ...identity]);
    t.match([code, stderr], [0, ''], url);
  }
});

t.test('each problem of a controller has its own message', async (t) => {
  const { agent } = createAgentFixture(t);
  const agentPort = await startAgentPort(t);
  const closed = await closedPort();
  const jenkins = await startController(t, asJenkins(agentPort));
  const url = async (listener: Parameters<typeof startController>[1]): Promise<string> =>
    (await startController(t, listener)).url;
  const cases: readonly [number, RegExp, ...string[]][] = [
    [69, /127\.0\.0\.1:\d+ refuses connections; start the server/, '-url', `http://127.0.0.1:${closed}`],
    [69, /refuses connections/, '-url', `https://127.0.0.1:${closed}/`],
    [
      69,
      /DNS (has no entry for host|lookup of host) no-such-host\.invalid/,
      '-url',
      'http://no-such-host.invalid/',
    ],
    [75, /127\.0\.0\.1:\d+\/ is not ready \(HTTP status 503\)/, '-url', await url(always(503))],
    [
      75,
      /Jenkins at http:.* is starting; see its log/,
      '-url',
      await url(always(503, { 'X-Jenkins': '2.530' })),
    ],
    [69, /answers with HTTP status 502; check that the controller/, '-url', await url(always(502))],
    [69, /denies access \(HTTP status 403\)/, '-url', await url(always(403))],
    [69, /is not Jenkins: its response names no agent port; correct -url/, '-url', await url(always(200))],
    [69, /is not Jenkins \(HTTP status 404\); correct -url/, '-url', await url(always(404))],
    [
      69,
      /is not the root of Jenkins \(HTTP status 404\); correct -url/,
      '-url',
      `${jenkins.url}prefix-it-has-none`,
    ],
    [69, /is not Jenkins \(HTTP status 404\)/, '-webSocket', '-url', await url(always(404))],
    [69, /is not Jenkins \(HTTP status 418\)/, '-url', await url(always(418))],
    [69, /has no agent port; use -webSocket/, '-url', await url(asJenkins(undefined))],
    [
      69,
      /leads to https:\/\/elsewhere, and java does not follow .*; make -url begin with https:\/\/elsewhere/,
      '-url',
      await url(always(302, { location: 'https://elsewhere/' })),
    ],
    [69, /closes the connection without an answer/, '-url', await url((request) => request.socket.destroy())],
    [
      69,
      /does not speak HTTP; .*the agent port/,
      '-url',
      await url((request) => request.socket.end('Protocol:')),
    ],
    [
      69,
      /the agent port that http:.* names cannot be reached: 127\.0\.0\.1:\d+ refuses .*; publish port \d+ .* -tunnel .* -webSocket/,
      '-url',
      await url(asJenkins(closed)),
    ],
    [69, /names an invalid agent port/, '-url', await url(asJenkins(0))],
    [
      69,
      /the tunnel to the agent port cannot be reached: 127\.0\.0\.1:\d+ refuses .*correct -tunnel/,
      '-url',
      jenkins.url,
      '-tunnel',
      `:${closed}`,
    ],
    [
      69,
      /the tunnel .*: DNS .* host no-such-host\.invalid/,
      '-url',
      jenkins.url,
      '-tunnel',
      'no-such-host.invalid:',
    ],
    [
      69,
      /127\.0\.0\.1:\d+ refuses connections; .* -direct/,
      '-direct',
      `127.0.0.1:${closed}`,
      '-instanceIdentity',
      'i',
    ],
    [
      69,
      /refuses connections, and the server at .* is not Jenkins/,
      '-url',
      `http://127.0.0.1:${closed}`,
      '-url',
      await url(always(200)),
    ],
  ];
  for (const [code, line, ...where] of cases) {
    const ended = await agent([...once, ...where, ...identity]);
    t.equal(ended.code, code, `${line}: ${ended.stderr}`);
    t.match(ended.stderr, line);
    t.match(ended.stderr, /^bailey: [^\n]+\n$/, 'one line');
    t.equal(ended.stdout, '', 'java does not start');
  }
});

t.test('an agent that can work starts without delay', async (t) => {
  const { agent } = createAgentFixture(t);
  const agentPort = await startAgentPort(t);
  const closed = await closedPort();
  const jenkins = await startController(t, asJenkins(agentPort));
  const elsewhere = await startController(t, asJenkins(closed));
  const moved = await startController(t, always(302, { location: `${jenkins.url}tcpSlaveAgentListener/` }));
  const webSocketOnly = await startController(t, asJenkins(undefined));
  const mute = await startController(t, always(200));
  const toLogin = await startController(t, always(403));
  const odd = await startController(t, (request) =>
    request.socket.end('HTTP/1.1 200 OK\r\nA\x01b: c\r\n\r\n'),
  );
  const cases: readonly (readonly [RegExp, NodeJS.ProcessEnv, ...string[]])[] = [
    [/^$/, {}, '-url', elsewhere.url, '-tunnel', `127.0.0.1:${agentPort}`],
    [/^$/, {}, '-url', elsewhere.url, '-tunnel', `:${agentPort}`],
    [/^$/, {}, '-url', jenkins.url, '-tunnel', 'localhost:'],
    [/^$/, {}, '-url', moved.url],
    [/^$/, {}, '-url', `http://127.0.0.1:${closed}`, '-url', jenkins.url],
    [/^$/, {}, '-url', webSocketOnly.url, '-webSocket'],
    [/^$/, {}, '-url', toLogin.url, '-webSocket'],
    [/^bailey: the server at .* does not identify itself as Jenkins\n$/, {}, '-url', mute.url, '-webSocket'],
    [/^$/, {}, '-direct', `127.0.0.1:${agentPort}`, '-instanceIdentity', 'i'],
    // Node fails here, but java may not.
    [/ cannot be checked from here \(HPE_INVALID_HEADER_TOKEN\); java decides\n$/, {}, '-url', odd.url],
    // Not reachable directly, but java connects through a proxy or tunnel.
    [
      /^bailey: .* is not checked: java reaches it through http_proxy\n$/,
      { http_proxy: 'http://proxy:3128' },
      '-url',
      'http://jenkins.invalid',
    ],
    [
      /^bailey: the controller is not checked: java uses its own network settings: -Dhttp.proxyHost\n$/,
      { JAVA_OPTS: '-Dhttp.proxyHost=proxy' },
      '-url',
      'http://jenkins.invalid',
    ],
    [
      /-DsocksProxyHost\n$/,
      { JAVA_TOOL_OPTIONS: '-Da=1 -DsocksProxyHost=proxy' },
      '-direct',
      'jenkins.invalid:1',
      '-instanceIdentity',
      'i',
    ],
    [
      /-Djavax.net.ssl.keyStore\n$/,
      { JENKINS_JAVA_OPTS: '-Djavax.net.ssl.keyStore=k' },
      '-url',
      'https://jenkins.invalid',
    ],
    [/^$/, { http_proxy: 'http://proxy:3128' }, '-url', jenkins.url],
    // Not checked.
    [/^$/, {}, '--no-preflight', '-url', `http://127.0.0.1:${closed}`],
    [/^$/, { BAILEY_PREFLIGHT: 'off' }, '-url', `http://127.0.0.1:${closed}`],
    [/^$/, {}, '-url', 'http://jenkins.invalid', '-help'],
  ];
  for (const [message, env, ...where] of cases) {
    const [flag, ...rest] = where;
    const own = flag === '--no-preflight' ? [flag, ...once] : [...once, flag ?? ''];
    const { code, stdout, stderr } = await agent([...own, ...rest, ...identity], env);
    t.equal(code, 0, `${where.join(' ')}: ${stderr}`);
    t.match(stdout, ran);
    t.match(stderr, message);
  }
  t.strictSame(webSocketOnly.requests, ['GET /login']);

  const excepted = await agent([...once, '-url', 'http://jenkins.invalid', ...identity], {
    http_proxy: 'http://proxy:3128',
    no_proxy: 'localhost, .invalid',
  });
  t.equal(excepted.code, 69, 'a host in no_proxy is checked, since java connects directly');
});

t.test('the wait ends when the controller is ready', async (t) => {
  const { bailey, env } = createAgentFixture(t);
  const agentPort = await startAgentPort(t);
  const port = await closedPort();
  const child = start(bailey, { args: ['agent', '-url', `http://127.0.0.1:${port}`, ...identity], env });
  const end = ended(child);
  let log = '';
  child.stderr?.on('data', (text: string) => {
    log += text;
  });
  await until('bailey waits', () => log.includes('refuses connections') || undefined);
  let starting = true;
  const controller = await startController(
    t,
    (request, response) => (starting ? always(503) : asJenkins(agentPort))(request, response),
    { port },
  );
  // Several attempts with the same result write one line.
  await until(
    'the controller has received several requests',
    () => controller.requests.length > 4 || undefined,
  );
  starting = false;
  const { code, stdout, stderr } = await end;
  t.equal(code, 0, stderr);
  t.match(stdout, ran);
  const lines = stderr.split('\n').slice(0, -1);
  t.match(lines[0], /^bailey: waiting for the controller: 127\.0\.0\.1:\d+ refuses connections; start/);
  t.match(lines[1], /^bailey: waiting for the controller: .* is not ready \(HTTP status 503\)/);
  t.strictSame(lines.slice(2), ['bailey: the controller is ready']);
});

t.test('the wait is limited by --connect-timeout, its variable, or the options of agent.jar', async (t) => {
  const { agent } = createAgentFixture(t);
  const where = ['-url', `http://127.0.0.1:${await closedPort()}`, ...identity];
  const cases: readonly [string[], NodeJS.ProcessEnv, RegExp][] = [
    [['--connect-timeout', '0', ...where], {}, /^bailey: [^\n]* refuses connections; start[^\n]*\n$/],
    [['--connect-timeout=300ms', ...where], {}, /at most 1 s more: .*\n.* has not changed within 0 s; start/],
    [where, { BAILEY_CONNECT_TIMEOUT: '1s' }, /at most 1 s more: .*\n.* has not changed within 1 s/],
    [['--connect-timeout', '0', ...where], { BAILEY_CONNECT_TIMEOUT: '1h' }, /refuses/],
    [[...where, '-noReconnect'], {}, /^bailey: [^\n]* refuses connections; start[^\n]*\n$/],
    [[...where, '-noReconnectAfter', '500'], {}, /at most 1 s more/],
    [['--connect-timeout', '0', ...where], { REMOTING_OPTS: '-noReconnectAfter 1d' }, /refuses/],
  ];
  for (const [args, env, message] of cases) {
    const { code, stderr } = await agent(args, env);
    t.equal(code, 69, args.join(' '));
    t.match(stderr, message);
  }
});

t.test('a signal ends the wait at any moment', async (t) => {
  const { bailey, env } = createAgentFixture(t);
  const hanging = await startController(t, () => undefined);
  const dripping = await startController(t, (_request, response) => {
    const drip = setInterval(() => response.write(' '), 50);
    response.on('close', () => clearInterval(drip));
  });
  const refused = `http://127.0.0.1:${await closedPort()}`;
  for (const [url, isThere] of [
    [hanging.url, () => hanging.requests.length > 0],
    [dripping.url, () => dripping.requests.length > 0],
    [refused, (log: string) => log.includes('refuses')],
  ] as const)
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      (hanging.requests as string[]).length = 0;
      (dripping.requests as string[]).length = 0;
      const child = start(bailey, { args: ['agent', '-url', url, ...identity], env });
      const end = ended(child);
      let log = '';
      child.stderr?.on('data', (text: string) => {
        log += text;
      });
      await until('bailey waits', () => isThere(log) || undefined);
      child.kill(signal);
      const { code: got, stdout } = await end;
      t.match([got, stdout], [code, ''], `${signal} ${url}`);
    }
});

t.test('a missing response is a timeout', async (t) => {
  const { agent } = createAgentFixture(t);
  const hanging = await startController(t, () => undefined);
  const { code, stderr } = await agent([...once, '-url', hanging.url, ...identity]);
  t.equal(code, 69);
  t.match(stderr, /127\.0\.0\.1:\d+ does not answer: no whole answer within 5 s; check the firewalls/);
});

if (requires(t, program('openssl')))
  t.test('certificates are checked as agent.jar would check them', async (t) => {
    const { agent, folder } = createAgentFixture(t);
    const agentPort = await startAgentPort(t);
    const certificate = makeCertificate(folder, 'jenkins', ['IP:127.0.0.1']);
    const stranger = makeCertificate(folder, 'stranger', ['DNS:elsewhere.example']);
    const secure = await startController(t, asJenkins(agentPort), { certificate });
    const other = await startController(t, asJenkins(agentPort), { certificate: stranger });
    const plain = await startController(t, asJenkins(agentPort));
    const ancient = await startController(t, asJenkins(agentPort), {
      certificate,
      tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' },
    });
    const toPlain = plain.url.replace('http:', 'https:');
    writeFileSync(
      join(folder, 'broken.pem'),
      '-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n',
    );
    const cases: readonly [number, RegExp, ...string[]][] = [
      // Java has its own trust store, so java decides.
      [
        0,
        /^bailey: the certificate of https:.* is not one that Node trusts \(DEPTH_ZERO_SELF_SIGNED_CERT\).* give -cert @FILE\n$/,
        secure.url,
      ],
      [
        0,
        /^bailey: the certificate .* is not one that Node trusts \([A-Z_]+\)/,
        other.url,
        '-cert',
        `@${stranger.file}`,
      ],
      [0, /^$/, secure.url, '-cert', `@${certificate.file}`],
      [0, /is not one that Node trusts/, secure.url, '-cert', `@${join(folder, 'none.pem')}`],
      [0, /is not one that Node trusts/, secure.url, '-cert', `@${join(folder, 'broken.pem')}`],
      [0, /^$/, secure.url, '-noCertificateCheck'],
      [0, /^$/, other.url, '-noCertificateCheck'],
      [0, / cannot be checked from here \((EPROTO|ERR_SSL_\w+)\); java decides\n$/, ancient.url],
      [69, /does not use TLS; correct .*http:\/\//, toPlain],
      [69, /does not use TLS/, toPlain, '-noCertificateCheck'],
      [69, /closes the connection|does not speak HTTP/, secure.url.replace('https:', 'http:')],
    ];
    for (const [code, message, ...where] of cases) {
      const got = await agent([...once, '-url', ...where, ...identity]);
      t.equal(got.code, code, `${where.join(' ')}: ${got.stderr}`);
      t.match(got.stderr, message, where.join(' '));
    }
  });
