/**
 * `bailey agent` in an image like the official agent image, started as the kubernetes plugin and the `inside` step of
 * docker-workflow start it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import * as docker from '../kit/docker.ts';
import { baileyAgentImage, jenkinsUser } from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';
import { until } from '../kit/until.ts';

t.setTimeout(0);

/** The variables that the kubernetes plugin sets; it gives the container no arguments. */
const kubernetes = {
  JENKINS_SECRET: '5c0ffee5',
  JENKINS_NAME: 'build-pod-7',
  JENKINS_AGENT_NAME: 'build-pod-7',
  JENKINS_AGENT_WORKDIR: '/home/jenkins/agent',
  JENKINS_URL: 'http://127.0.0.1:8080/ci/',
  REMOTING_OPTS: '-noReconnectAfter 1d',
};
/** No controller answers at this address; test/bailey/agent/preflight has tests with one. */
const noPreflight = { BAILEY_PREFLIGHT: 'off' };
const variables = (env: Readonly<Record<string, string>>): string[] =>
  Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);

if (requires(t, root, engine, ...['javac', 'jlink', 'busybox', 'tar'].map(program))) {
  const image = await baileyAgentImage(t);

  t.test("an agent starts with the kubernetes plugin's variables", async (t) => {
    const container = await docker.start(t, image, [
      ...variables({ ...kubernetes, ...noPreflight }),
      ...['--env', 'ORPHANS=30'],
    ]);
    await docker.untilPrinted(container, /^agent: ready$/);
    const output = await docker.printed(container);
    t.match(
      output,
      argumentsOf('-url http://127.0.0.1:8080/ci/ -workDir /home/jenkins/agent -noReconnectAfter 1d'),
    );
    t.match(output, /^agent: arguments \[-secret, @\/proc\/self\/fd\/0, -name, build-pod-7,/m);
    t.notMatch(output, kubernetes.JENKINS_SECRET, 'the secret is neither an argument nor a variable');
    for (const name of [
      'JENKINS_URL',
      'JENKINS_NAME',
      'JENKINS_AGENT_NAME',
      'JENKINS_AGENT_WORKDIR',
      'REMOTING_OPTS',
    ] as const)
      t.match(output, new RegExp(`^agent: variable ${name}=${kubernetes[name]}$`, 'm'));

    const rows = await until('the orphans are reaped', async () => {
      const rows = await docker.processes(container);
      return rows.length === 2 ? rows : undefined;
    });
    t.match(rows, [
      { command: 'bailey-init', uid: jenkinsUser },
      { command: 'java', uid: jenkinsUser },
    ]);

    const health = (): Promise<docker.Ran> =>
      docker.run('docker', ['exec', container.id, 'bailey', 'health']);
    t.match(await health(), { code: 1, stderr: /^bailey: the agent's java runs, but has no connection/ });
    await docker.docker('exec', '--detach', container.id, 'nc', '-ll', '-p', '50000', '-e', 'cat');
    await docker.untilPrinted(container, /^agent: connected$/);
    t.match(await health(), { code: 0, stdout: /^the agent is connected to port 50000/ });
    const asRoot = await docker.run('docker', ['exec', '--user', '0', container.id, 'bailey', 'health']);
    t.match(
      asRoot,
      { code: 0, stdout: /^the agent is connected to port 50000/ },
      'root of the container gets the same answer with fewer rights',
    );

    // kubelet does the same at the end of a pod.
    await docker.docker('stop', '--time', '30', container.id);
    t.equal(await docker.ended(container), 143);
  });

  t.test("an agent starts with the kubernetes plugin's variables for a WebSocket", async (t) => {
    const env = { ...kubernetes, JENKINS_WEB_SOCKET: 'true', JENKINS_TUNNEL: 'jenkins-agent:50000' };
    const container = await docker.start(t, image, variables({ ...env, ...noPreflight }));
    await docker.untilPrinted(container, /^agent: ready$/);
    const output = await docker.printed(container);
    t.match(output, argumentsOf('-workDir /home/jenkins/agent -webSocket -noReconnectAfter 1d'));
    t.notMatch(output, /^agent: arguments .*-tunnel/m);
  });

  t.test("an agent starts with the kubernetes plugin's variables for a direct connection", async (t) => {
    const { JENKINS_URL, ...rest } = kubernetes;
    const direct = {
      JENKINS_DIRECT_CONNECTION: '127.0.0.1:50000',
      JENKINS_PROTOCOLS: 'JNLP4-connect',
      JENKINS_INSTANCE_IDENTITY: 'MIIB',
    };
    const container = await docker.start(t, image, variables({ ...rest, ...direct, ...noPreflight }));
    await docker.untilPrinted(container, /^agent: ready$/);
    t.match(
      await docker.printed(container),
      argumentsOf(
        '-direct 127.0.0.1:50000 -protocols JNLP4-connect -instanceIdentity MIIB -noReconnectAfter 1d',
      ),
    );
  });

  /** Users of the container: also an arbitrary uid, as docker-workflow sets it, and root. */
  const users: readonly [string, readonly string[]][] = [
    ["the image's user", []],
    ['a user without a passwd entry', ['--user', '4711:4712']],
    ['root', ['--user', '0:0']],
  ];
  for (const [name, user] of users) {
    t.test(`docker-workflow can run steps beside cat, as ${name}`, async (t) => {
      // As in docker-workflow's DockerClient.run(): with a terminal, detached.
      const container = await docker.start(t, image, ['--tty', '--workdir', '/tmp', ...user], ['cat']);
      await untilTop(container, 'cat');
      const run = await docker.docker(
        'exec',
        container.id,
        'env',
        'A=b',
        'sh',
        '-c',
        'echo "$A $(pwd)"; id -u',
      );
      t.match(run, /^b \/tmp\n(1000|4711|0)$/);
      // These become orphans when the shell ends, like those of a build step.
      await docker.docker('exec', container.id, 'sh', '-c', 'for i in 1 2 3 4 5; do (sleep 0.1 &) done');
      await until('the orphans are reaped', async () =>
        (await docker.processes(container)).length === 2 ? true : undefined,
      );
      t.same(await docker.zombies(container), []);
      t.match(await docker.processes(container), [{ command: 'bailey-init' }, { command: 'cat' }]);
      await docker.docker('stop', '--time', '30', container.id);
      t.equal(await docker.ended(container), 143, 'ended by SIGTERM, not by SIGKILL');
    });
  }

  t.test('cat with an open standard input copies it', async (t) => {
    const name = `bailey-cat-${process.pid}`;
    const cat = spawn('docker', [
      'run',
      '--rm',
      '--interactive',
      '--network',
      'none',
      '--name',
      name,
      image,
      'cat',
    ]);
    t.teardown(() => docker.run('docker', ['rm', '--force', name]));
    let output = '';
    cat.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    cat.stdin.write('one\n');
    await until('cat has copied its input', () => (output === 'one\n' ? true : undefined));
    await untilTop({ id: name }, 'cat');
    cat.stdin.end('two\n');
    const [code] = await once(cat, 'close');
    t.equal(code, 0);
    t.equal(output, 'one\ntwo\n');
  });

  t.test('other arguments are passed to agent.jar', async (t) => {
    const container = await docker.start(
      t,
      image,
      [],
      ['--no-preflight', '-url', 'http://jenkins-server:8080', 'secret', 'name'],
    );
    await docker.untilPrinted(container, /^agent: arguments \[-url, http:\/\/jenkins-server:8080, .*name\]$/);
    t.pass();
  });
}

/** Matches the end of the arguments, after the secret and the name. */
const argumentsOf = (words: string): RegExp =>
  new RegExp(`^agent: arguments \\[.*${words.replaceAll(' ', ', ')}\\]$`, 'm');

/** Waits until `docker top` lists the command, as docker-workflow does. */
const untilTop = (container: docker.Container, command: string): Promise<true> =>
  until(`docker top shows ${command}`, async () =>
    (await docker.docker('top', container.id, '-eo', 'pid,comm'))
      .split('\n')
      .some((row) => row.trim().split(/\s+/)[1] === command)
      ? true
      : undefined,
  );
