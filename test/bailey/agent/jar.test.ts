/** agent.jar for an image without one: it is fetched from the controller, checked and cached. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { ended, packJar, run, start } from '../kit/bailey.ts';
import { makeCertificate } from '../kit/fake-castle.ts';
import { createAgentFixture, identity } from './kit/agent-fixture.ts';
import { asJenkins, closedPort, startAgentPort, startController } from './kit/controller.ts';
import { type AgentReport, buildAgent } from './kit/stand-in-programs.ts';

/** A fixture without agent.jar; the default of JENKINS_AGENT_FILE does not exist on this machine. */
function bare(t: Test) {
  const { folder, bailey, env } = createAgentFixture(t);
  const cache = join(folder, 'cache');
  const { JENKINS_AGENT_FILE: _, ...rest } = env;
  const base = { ...rest, XDG_CACHE_HOME: cache };
  return {
    folder,
    bailey,
    base,
    cache: join(cache, 'bailey'),
    agent: (url: string, ...args: readonly string[]) =>
      run(bailey, {
        args: ['agent', '--connect-timeout', '0', '-url', url, ...args, ...identity],
        env: base,
      }),
  };
}

/** Answers like Jenkins, with an agent.jar or another response in its place. */
const withJar =
  (agentPort: number, answer: RequestListener): RequestListener =>
  (request, response) => {
    if (request.url === '/jnlpJars/agent.jar') answer(request, response);
    else asJenkins(agentPort)(request, response);
  };

/** The jar in the output of the fake java. */
const jarOf = (stdout: string): string => / -jar (\S+) /.exec(stdout)?.[1] ?? '';
const jarsIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith('.jar'));

if (requires(t, program('jar'), program('javac'), program('java'))) {
  t.test('a real java runs the fetched jar', async (t) => {
    const { folder, bailey, base, cache } = bare(t);
    const jar = buildAgent(folder, 'theirs.jar');
    const controller = await startController(
      t,
      withJar(await startAgentPort(t), (_request, response) => response.end(readFileSync(jar))),
    );
    const env = { ...base, PATH: process.env['PATH'], JENKINS_SECRET: 'c0ffee', JENKINS_NAME: 'n' };
    const { code, stdout, stderr } = await run(bailey, { args: ['agent', '-url', controller.url], env });
    t.equal(code, 0, stderr);
    const { argv, arguments: read } = JSON.parse(stdout) as AgentReport;
    const [, , fetched = ''] = argv;
    t.equal(stderr, `bailey: agent.jar was fetched from ${controller.url} into ${fetched}\n`);
    t.strictSame(readFileSync(fetched), readFileSync(jar));
    t.ok(fetched.startsWith(`${cache}/agent-`));
    t.strictSame(read, ['-secret', 'c0ffee', '-name', 'n', '-url', controller.url]);
    t.equal(statSync(cache).mode & 0o777, 0o700);
    t.notMatch(controller.headers(), /c0ffee/);
  });

  t.test(
    'a cached jar is revalidated, and fetched again only when the controller has a newer one',
    async (t) => {
      const { folder, agent, cache } = bare(t);
      const first = readFileSync(packJar(folder, 'Main-Class: First\n'));
      const second = readFileSync(packJar(folder, 'Main-Class: Second\n'));
      let now = first;
      const conditions: (string | undefined)[] = [];
      const controller = await startController(
        t,
        withJar(await startAgentPort(t), ({ headers }, response) => {
          conditions.push(headers['if-none-match'], headers['if-modified-since']);
          const etag = `"${createHash('sha1').update(now).digest('hex')}"`;
          const since = 'Tue, 24 Nov 2026 10:00:00 GMT';
          response.setHeader('ETag', etag).setHeader('Last-Modified', since);
          if (headers['if-none-match'] === etag) response.writeHead(304).end();
          else response.end(now);
        }),
      );
      const one = jarOf((await agent(controller.url)).stdout);
      t.strictSame(readFileSync(one), first);
      const again = await agent(controller.url);
      t.match([jarOf(again.stdout), again.stderr], [one, '']);
      t.match(conditions, [undefined, undefined, /^"[0-9a-f]{40}"$/, 'Tue, 24 Nov 2026 10:00:00 GMT']);

      now = second;
      const newer = await agent(controller.url);
      t.strictSame(readFileSync(jarOf(newer.stdout)), second);
      t.match(newer.stderr, /was fetched from/);
      t.strictSame(readFileSync(one), first, 'the old jar stays for agents that run it');

      // A changed jar or record is fetched again.
      writeFileSync(jarOf(newer.stdout), 'damaged');
      t.strictSame(readFileSync(jarOf((await agent(controller.url)).stdout)), second);
      for (const name of readdirSync(cache).filter((name) => name.endsWith('.json')))
        writeFileSync(join(cache, name), '{"name":"../../etc/passwd"}');
      t.strictSame(readFileSync(jarOf((await agent(controller.url)).stdout)), second);
    },
  );

  t.test('the cached jar is used while the controller does not serve one', async (t) => {
    const { folder, bailey, base, agent } = bare(t);
    const jar = readFileSync(packJar(folder, 'Main-Class: Agent\n'));
    let isThere = true;
    const agentPort = await startAgentPort(t);
    const controller = await startController(
      t,
      withJar(agentPort, (_request, response) => {
        if (isThere) response.end(jar);
        else response.writeHead(500).end();
      }),
    );
    const kept = jarOf((await agent(controller.url)).stdout);
    t.ok(kept);
    isThere = false;
    t.equal(jarOf((await agent(controller.url)).stdout), kept);
    const unseen = await run(bailey, {
      args: ['agent', '--no-preflight', '-url', controller.url, ...identity],
      env: base,
    });
    t.equal(jarOf(unseen.stdout), kept);
  });

  t.test('a response that is not a jar is not cached, and java does not start', async (t) => {
    const { folder, agent, cache } = bare(t);
    const agentPort = await startAgentPort(t);
    const whole = readFileSync(packJar(folder, 'Main-Class: Agent\n'));
    const answers: readonly [RegExp, RequestListener][] = [
      [
        /does not serve agent\.jar: it is not a jar that java can run/,
        (_request, response) => response.end('<html>Sign in'),
      ],
      [
        /does not serve agent\.jar: it is not a jar that java can run/,
        (_request, response) => response.end(whole.subarray(0, -40)),
      ],
      [
        /does not serve agent\.jar: it is not a jar that java can run/,
        (_request, response) => response.end(readFileSync(packJar(folder, 'Class-Path: no-main.jar\n'))),
      ],
      [/does not serve agent\.jar: HTTP status 404/, (_request, response) => response.writeHead(404).end()],
      [
        /closes the connection without an answer/,
        (_request, response) => {
          response.writeHead(200, { 'content-length': whole.length }).write(whole.subarray(0, 100));
          response.destroy();
        },
      ],
    ];
    for (const [line, answer] of answers) {
      const controller = await startController(t, withJar(agentPort, answer));
      const { code, stdout, stderr } = await agent(controller.url);
      t.equal(code, 69, stderr);
      t.match(stderr, line);
      t.equal(stdout, '');
      t.strictSame(readdirSync(cache), []);
    }
  });

  t.test('an interrupted fetch leaves no file that counts as a jar', async (t) => {
    const { folder, bailey, base, agent, cache } = bare(t);
    const whole = readFileSync(packJar(folder, 'Main-Class: Agent\n'));
    let half = true;
    const controller = await startController(
      t,
      withJar(await startAgentPort(t), (_request, response) => {
        if (!half) return response.end(whole);
        return response.writeHead(200, { 'content-length': whole.length }).write(whole.subarray(0, 100));
      }),
    );
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const before = controller.requests.length;
      const child = start(bailey, { args: ['agent', '-url', controller.url, ...identity], env: base });
      const end = ended(child);
      await until('bailey fetches the jar', () => controller.requests.length >= before + 2 || undefined);
      child.kill(signal);
      const { code, signal: by } = await end;
      t.match([code, by], signal === 'SIGTERM' ? [143, null] : [null, 'SIGKILL']);
      t.strictSame(jarsIn(cache), []);
    }
    half = false;
    // An old partial file is removed; a recent one may still be written by another process.
    const [old, young] = [join(cache, 'agent-0.jar.1.part'), join(cache, 'agent-0.jar.2.part')];
    for (const part of [old, young]) writeFileSync(part, 'half');
    utimesSync(old, 1, 1);
    t.strictSame(readFileSync(jarOf((await agent(controller.url)).stdout)), whole);
    t.match([existsSync(old), existsSync(young)], [false, true]);
  });

  t.test('agents that fetch at the same time share one complete jar', async (t) => {
    const { folder, agent, cache } = bare(t);
    const whole = readFileSync(packJar(folder, 'Main-Class: Agent\n'));
    const controller = await startController(
      t,
      withJar(await startAgentPort(t), (_request, response) => response.end(whole)),
    );
    const all = await Promise.all([1, 2, 3, 4].map(() => agent(controller.url)));
    for (const { code, stdout } of all) {
      t.equal(code, 0);
      t.strictSame(readFileSync(jarOf(stdout)), whole);
    }
    t.equal(jarsIn(cache).length, 1);
  });

  t.test('the cache folder is chosen in order, and unsafe ones are rejected', async (t) => {
    const { folder, bailey, base } = bare(t);
    const whole = readFileSync(packJar(folder, 'Main-Class: Agent\n'));
    const controller = await startController(
      t,
      withJar(await startAgentPort(t), (_request, response) => response.end(whole)),
    );
    const { XDG_CACHE_HOME: _, ...plain } = base;
    const home = join(folder, 'home');
    const workDir = join(folder, 'work');
    const temporary = join(folder, 'tmp');
    for (const made of [home, workDir, temporary]) mkdirSync(made);
    const uid = process.getuid?.() ?? 0;
    const keptIn = async (env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<string> => {
      const ran = await run(bailey, {
        args: ['agent', '--connect-timeout', '0', '-url', controller.url, ...args, ...identity],
        env: { ...plain, TMPDIR: temporary, ...env },
      });
      t.equal(ran.code, 0, ran.stderr);
      return jarOf(ran.stdout).replace(/\/agent-[0-9a-f]+\.jar$/, '');
    };
    t.equal(await keptIn({ HOME: home }), join(home, '.cache/bailey'));
    t.equal(await keptIn({ HOME: '/' }, '-workDir', workDir), join(workDir, '.bailey'));
    t.equal(await keptIn({ HOME: '/dev/null' }, '-workDir', '/no/such'), join(temporary, `bailey-${uid}`));
    t.notOk(existsSync('/no/such'));

    // Another user may have created a folder or symlink of that name before.
    chmodSync(join(temporary, `bailey-${uid}`), 0o777);
    const refused = await run(bailey, {
      args: ['agent', '--connect-timeout', '0', '-url', controller.url, ...identity],
      env: { ...plain, TMPDIR: temporary },
    });
    t.equal(refused.code, 73);
    t.match(
      refused.stderr,
      /^bailey: no folder can be used for a fetched agent\.jar: .* is writable by other users; set XDG_CACHE_HOME/,
    );
    symlinkSync(home, join(folder, 'linked'));
    mkdirSync(join(folder, 'evil'));
    symlinkSync(home, join(folder, 'evil', `bailey-${uid}`));
    const linked = await run(bailey, {
      args: ['agent', '--connect-timeout', '0', '-url', controller.url, ...identity],
      env: { ...plain, TMPDIR: join(folder, 'evil') },
    });
    t.equal(linked.code, 73);
    t.match(linked.stderr, /is not a folder/);
  });

  t.test('a folder of another user and a read-only folder are rejected', async (t) => {
    if (!requires(t, root)) return;
    const { folder, bailey, base } = bare(t);
    const whole = readFileSync(packJar(folder, 'Main-Class: Agent\n'));
    const controller = await startController(
      t,
      withJar(await startAgentPort(t), (_request, response) => response.end(whole)),
    );
    mkdirSync(join(folder, 'tmp'));
    chmodSync(join(folder, 'tmp'), 0o1777);
    mkdirSync(join(folder, 'tmp/bailey-1000'), { mode: 0o755 });
    const { XDG_CACHE_HOME: _, ...plain } = base;
    const args = ['agent', '--connect-timeout', '0', '-url', controller.url, ...identity];
    const taken = await run(bailey, { args, env: { ...plain, TMPDIR: join(folder, 'tmp') }, uid: 1000 });
    t.equal(taken.code, 73, taken.stderr);
    t.match(taken.stderr, /bailey-1000 belongs to uid 0; set XDG_CACHE_HOME/);
    const readOnly = await run(bailey, { args, env: { ...plain, HOME: folder, TMPDIR: folder }, uid: 1000 });
    t.equal(readOnly.code, 73, readOnly.stderr);
    t.match(readOnly.stderr, /cannot be created or written \(EACCES\)/);
    const own = await run(bailey, {
      args,
      env: { ...plain, TMPDIR: '/tmp', HOME: join(folder, 'tmp') },
      uid: 1000,
    });
    t.equal(own.code, 0, own.stderr);
    t.equal(statSync(jarOf(own.stdout)).mode & 0o777, 0o600);
  });

  t.test('over TLS, the jar is fetched only with a trusted certificate', async (t) => {
    if (!requires(t, program('openssl'))) return;
    const { folder, agent } = bare(t);
    const certificate = makeCertificate(folder, 'jenkins', ['IP:127.0.0.1']);
    const whole = readFileSync(packJar(folder, 'Main-Class: Agent\n'));
    const controller = await startController(
      t,
      withJar(await startAgentPort(t), (_request, response) => response.end(whole)),
      { certificate },
    );
    const refused = await agent(controller.url);
    t.equal(refused.code, 78, refused.stderr);
    t.match(refused.stderr, /agent\.jar is not fetched from .*: its certificate is not trusted \(DEPTH_ZERO/);
    t.notOk(controller.requests.includes('GET /jnlpJars/agent.jar'));
    for (const trust of [['-cert', `@${certificate.file}`], ['-noCertificateCheck']]) {
      const { code, stderr } = await agent(controller.url, ...trust);
      t.equal(code, 0, stderr);
    }
  });

  t.test('a configured jar must exist', async (t) => {
    const { base, bailey } = bare(t);
    const where = ['-url', `http://127.0.0.1:${await closedPort()}`, ...identity];
    const named = await run(bailey, {
      args: ['agent', ...where],
      env: { ...base, JENKINS_AGENT_FILE: '/no/agent.jar' },
    });
    t.equal(named.code, 78);
    t.match(
      named.stderr,
      /^bailey: JENKINS_AGENT_FILE \/no\/agent\.jar does not exist; put agent\.jar there/,
    );
    const direct = await run(bailey, {
      args: ['agent', '-direct', 'h:1', '-instanceIdentity', 'i', ...identity],
      env: base,
    });
    t.equal(direct.code, 78);
    t.match(direct.stderr, /\/usr\/share\/jenkins\/agent\.jar does not exist/);
  });
}
