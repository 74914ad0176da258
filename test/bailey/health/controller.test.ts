/** `bailey health` with a real java that answers like a controller in each of its states. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { pidNamespace, program, requires } from '../../kit/needs.ts';
import { buildJenkins, HealthFixture } from './health-fixture.ts';

t.setTimeout(0);

/** The behaviour of the controller, the expected exit code and the expected reason. */
const states: readonly [string, number, RegExp][] = [
  ['well', 0, /^the controller answers at http:\/\/127\.0\.0\.1:8080\/health$/],
  ['moved', 0, /^the controller answers at http:/],
  ['older', 0, /^the controller, Jenkins 2\.440\.1, answers at http:\/\/127\.0\.0\.1:8080\/login$/],
  ['older-open', 0, /^the controller, Jenkins 2\.440\.1, answers at .*\/login$/],
  [
    'not-well',
    1,
    /^bailey: .*\/health answers 503: failed checks: disk; its java has been running for \d+ s$/,
  ],
  ['starting', 1, /^bailey: .*\/health answers 503: Jenkins is starting, or failed to start; /],
  ['foreign', 1, /^bailey: .*\/login answers 200 without the header X-Jenkins: that is not Jenkins; /],
  ['failed', 1, /^bailey: .*\/health answers 500: Jenkins has failed; /],
];

if (requires(t, pidNamespace, ...['javac', 'jar', 'java', 'busybox', 'openssl'].map(program))) {
  const folder = buildJenkins(t);
  const answers = join(folder, 'answers');
  const war = `-Danswers=${answers} -jar ${folder}/jenkins.war`;
  writeFileSync(answers, 'well');

  t.test('each state of a controller has its exit code and its reason', async (t) => {
    const fixture = await HealthFixture.open(t, folder);
    const before = await fixture.health('', 'JENKINS_HOME=/var/jenkins_home');
    t.strictSame(before, { code: 1, text: "bailey: the controller's java does not run" });
    const pid = await fixture.java(war);
    for (const [answer, code, line] of states) {
      writeFileSync(answers, answer);
      const ended = await fixture.health();
      t.equal(ended.code, code, `${answer}: ${ended.text}`);
      t.match(ended.text, line, answer);
    }
    writeFileSync(answers, 'hung');
    t.match(await fixture.health('--timeout 300ms'), {
      code: 1,
      text: /^bailey: 127\.0\.0\.1:8080 gave no answer within 0\.3 s: Jenkins hangs/,
    });

    writeFileSync(answers, 'well');
    await fixture.must(`kill -STOP ${pid}`);
    t.match(await fixture.health(), {
      code: 1,
      text: /^bailey: the controller's java \(pid \d+\) is stopped \(state T\)/,
    });
    await fixture.must(`kill -CONT ${pid}`);
    await fixture.untilHealth(/^the controller answers/);
    t.match(await fixture.health('--role agent'), { code: 1, text: "bailey: the agent's java does not run" });

    await fixture.run(`kill -KILL ${pid}; wait ${pid}`);
    t.match(await fixture.health('--role controller'), {
      code: 1,
      text: "bailey: the controller's java does not run",
    });
    t.match(await fixture.health(), {
      code: 1,
      text: /^bailey: neither a controller nor an agent runs here; .*--role$/,
    });
  });

  t.test('the address is read from the command line of the running java', async (t) => {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-nodes', '-newkey', 'rsa:2048', '-days', '2', '-subj', '/CN=jenkins.example'],
        ...['-keyout', join(folder, 'key'), '-out', join(folder, 'certificate')],
      ],
      { stdio: 'ignore' },
    );
    const store = join(folder, 'store.p12');
    execFileSync('openssl', [
      ...['pkcs12', '-export', '-in', join(folder, 'certificate'), '-inkey', join(folder, 'key')],
      ...['-out', store, '-passout', 'pass:changeit'],
    ]);
    const https = `--httpPort=-1 --httpsPort=8443 --httpsKeyStore=${store}`;
    const places: readonly [string, string][] = [
      ['--httpPort=1 --httpPort=9090 --prefix=/ci', 'http://127.0.0.1:9090/ci/health'],
      ['--httpListenAddress=127.0.0.2', 'http://127.0.0.2:8080/health'],
      ['--httpListenAddress=::1', 'http://[::1]:8080/health'],
      [https, 'https://127.0.0.1:8443/health'],
    ];
    for (const [options, url] of places) {
      const fixture = await HealthFixture.open(t, folder);
      const pid = await fixture.java(`${war} ${options}`);
      t.strictSame(await fixture.health(), { code: 0, text: `the controller answers at ${url}` }, options);
      await fixture.run(`kill -KILL ${pid}; wait ${pid}`);
    }
    const fixture = await HealthFixture.open(t, folder);
    await fixture.java(`-Danswers=${answers} -jar ${folder}/odd-name.jar --httpPort=8081 --prefix=/a`);
    t.match(await fixture.health(), { code: 1, text: /neither a controller nor an agent/ });
    t.match(await fixture.health('--role=controller'), { code: 0, text: /127\.0\.0\.1:8081\/a\/health$/ });
    t.match(await fixture.health('', `JENKINS_WAR=${folder}/odd-name.jar`), { code: 0 });
    const url = 'http://127.0.0.1:8081/a';
    t.match(await fixture.health(`--role controller --url ${url}`), {
      code: 0,
      text: `the controller answers at ${url}/health`,
    });
    t.match(await fixture.health('--role controller', `BAILEY_HEALTH_URL=http://127.0.0.1:1`), {
      code: 1,
      text: /^bailey: nothing listens at 127\.0\.0\.1:1: Jenkins is starting, or failed to start; its java has been running for/,
    });
    const withPassword = 'http://me:hunter2@127.0.0.1:8081/a/';
    t.strictSame(
      await fixture.health(`--role controller --url ${withPassword}`),
      { code: 0, text: `the controller answers at ${url}/health` },
      'no password in the log',
    );
    t.match(
      await fixture.health(`--role controller --url ${url} --url http://127.0.0.1:1/`),
      { code: 1 },
      'all errors',
    );
  });

  t.test("a build's java with the same name is not the controller", async (t) => {
    const fixture = await HealthFixture.open(t, folder);
    await fixture.java(`${war} --httpPort=8080`);
    await fixture.java(`${war} --httpPort=8099`);
    await fixture.java(`-Dconnect= -jar ${folder}/agent.jar -url http://127.0.0.1:8080/`);
    t.match(await fixture.health(), { code: 0, text: /127\.0\.0\.1:8080\/health$/ });
  });

  t.test('a controller is unhealthy while bailey is still preparing', async (t) => {
    const fixture = await HealthFixture.open(t, folder);
    const castle = 'CASTLE_URL=unix:///nowhere/castle.sock CASTLE_VOLUME=main CASTLE_TIMEOUT=10m';
    const files = `JENKINS_HOME=${folder} JENKINS_WAR=${folder}/jenkins.war`;
    const bailey = `env -i PATH="$PATH" ${castle} ${files} ${process.execPath} dist/bailey.js jenkins`;
    await fixture.must(`${bailey} >/dev/null 2>&1 &`);
    t.match(await fixture.untilHealth(/^bailey: the controller's/), {
      code: 1,
      text: "bailey: the controller's java is not running: bailey is still preparing it, or it has ended",
    });
  });

  t.test('a java that has exited but is not reaped is unhealthy', async (t) => {
    const fixture = await HealthFixture.open(t, folder);
    // sleep(1) has replaced the shell and does not wait for its child.
    await fixture.must(`{ sh -c 'java ${war} & echo $! >victim; exec sleep 600' >/dev/null 2>&1 & }`);
    await fixture.untilHealth(/^the controller answers/);
    await fixture.must('kill -KILL $(cat victim)');
    const ended = await fixture.untilHealth(/has ended/, '--role controller');
    t.match(ended, {
      code: 1,
      text: /^bailey: the controller's java \(pid \d+\) has ended, and has not been reaped$/,
    });
  });
}

t.test('wrong options and variables are errors', async (t) => {
  const { spawnSync } = await import('node:child_process');
  const wrong: readonly [number, RegExp, NodeJS.ProcessEnv, ...string[]][] = [
    [64, /unknown argument "x"; for usage, run: bailey health --help/, {}, 'x'],
    [64, /--role "both" is not a role; use controller or agent/, {}, '--role', 'both'],
    [64, /--timeout needs a value/, {}, '--timeout'],
    [64, /--timeout "soon" is not a duration/, {}, '--timeout=soon'],
    [64, /--timeout "0" is out of range/, {}, '--timeout', '0'],
    [64, /--url "ftp:\/\/x" is not the URL of a controller/, {}, '--url', 'ftp://x'],
    [78, /BAILEY_HEALTH_ROLE "x" is not a role/, { BAILEY_HEALTH_ROLE: 'x' }],
    [78, /BAILEY_HEALTH_TIMEOUT "2h" is out of range/, { BAILEY_HEALTH_TIMEOUT: '2h' }],
    [78, /BAILEY_HEALTH_URL "x" is not the URL/, { BAILEY_HEALTH_URL: 'x' }],
  ];
  for (const [code, line, env, ...args] of wrong) {
    const ran = spawnSync(process.execPath, ['dist/bailey.js', 'health', ...args], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    t.equal(ran.status, code, `${args.join(' ')}: ${ran.stderr}`);
    t.match(ran.stderr, line);
    t.match(ran.stderr, /^bailey: [^\n]+\n$/);
    t.equal(ran.stdout, '');
  }
  const help = spawnSync('dist/bailey.js', ['health', '--help'], { encoding: 'utf8' });
  t.equal(help.status, 0);
  t.match(help.stdout, /--role controller\|agent[\s\S]*HEALTHCHECK/);
});
