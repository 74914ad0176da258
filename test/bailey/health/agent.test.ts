/** `bailey health` with a real java that connects like an agent. */
import t from 'tap';
import { pidNamespace, program, requires, root } from '../../kit/needs.ts';
import { buildJenkins, HealthFixture } from './health-fixture.ts';

t.setTimeout(0);

/** The arguments of agent.jar, the ports its java connects to, and whether that is the connection to the controller. */
interface Case {
  readonly name: string;
  readonly args: string;
  readonly connect: string;
  readonly says: RegExp;
  readonly java?: string;
}

const url = '-url http://127.0.0.1:8080/';
const cases: readonly Case[] = [
  {
    name: 'the port that the controller advertises, whichever it is',
    args: url,
    connect: '127.0.0.1:50000',
    says: /^the agent is connected to port 50000 of its controller$/,
  },
  {
    name: 'an HTTP request about whether the controller is back does not count as a connection',
    args: url,
    connect: '127.0.0.1:8080',
    says: /^bailey: the agent's java runs, but has no connection to the port that the controller advertises: /,
  },
  { name: 'IPv6', args: url, connect: '::1:50000', says: /^the agent is connected to port 50000/ },
  {
    name: 'WebSocket',
    args: `${url} -webSocket`,
    connect: '127.0.0.1:8080',
    says: /^the agent is connected to port 8080/,
  },
  {
    name: 'WebSocket, connected elsewhere',
    args: `${url} -webSocket`,
    connect: '127.0.0.1:50000',
    says: /has no connection to port 8080 \(-webSocket\)/,
  },
  {
    name: 'a tunnel',
    args: `${url} -tunnel gate:50001`,
    connect: '127.0.0.1:50001',
    says: /^the agent is connected to port 50001/,
  },
  {
    name: 'a tunnel, connected elsewhere',
    args: `${url} -tunnel :50001`,
    connect: '127.0.0.1:50000 127.0.0.1:8080',
    says: /has no connection to port 50001 \(-tunnel\)/,
  },
  {
    name: 'a direct connection',
    args: '-direct 127.0.0.1:50001',
    connect: '127.0.0.1:50001',
    says: /^the agent is connected to port 50001/,
  },
  {
    name: 'a proxy',
    args: `${url} -webSocket`,
    java: '-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=50001',
    connect: '127.0.0.1:50001',
    says: /^the agent is connected to port 50001/,
  },
  { name: 'no listener', args: url, connect: '127.0.0.1:7', says: /has no connection to/ },
];

if (requires(t, pidNamespace, ...['javac', 'jar', 'java', 'busybox'].map(program))) {
  const folder = buildJenkins(t);
  const listener = `-cp ${folder}/agent.jar Jenkins listen 8080 50000 50001`;
  const agent = ({ args, connect, java = '' }: Omit<Case, 'name' | 'says'>): string =>
    `${java} -Dconnect='${connect}' -jar ${folder}/agent.jar ${args}`;

  t.test('the connection to the controller is recognized by its port', async (t) => {
    const fixture = await HealthFixture.open(t, folder);
    await fixture.java(listener);
    for (const { name, says, ...given } of cases) {
      const pid = await fixture.java(agent(given));
      const ended = says.source.startsWith('^the agent')
        ? await fixture.untilHealth(says)
        : await fixture.health();
      t.match(ended.text, says, name);
      t.equal(ended.code, says.source.startsWith('^the agent') ? 0 : 1, name);
      await fixture.run(`kill -KILL ${pid}; wait ${pid}`);
    }
    await fixture.java(agent({ args: `${url} -tunnel :50001`, connect: '127.0.0.1:8080' }));
    t.match(
      await fixture.untilHealth(/^the agent is connected to port 8080/, '--url http://127.0.0.1:8080'),
      {
        code: 0,
      },
    );
    const proxy = await fixture.health('', 'http_proxy=http://127.0.0.1:8080');
    t.strictSame(
      proxy,
      { code: 0, text: 'the agent is connected to port 8080 of its controller' },
      'through a proxy',
    );
    t.match(await fixture.health('--url http://127.0.0.1:1 --url http://h:2'), {
      code: 1,
      text: /no connection to port 1 or 2 \(--url\)/,
    });
  });

  t.test('a fetched agent.jar is recognized', async (t) => {
    const fetched = 'agent-0123456789abcdef0123456789abcdef.jar';
    const fixture = await HealthFixture.open(t, folder);
    await fixture.must(`ln -sf agent.jar ${fetched}`);
    await fixture.java(listener);
    await fixture.java(`-Dconnect=127.0.0.1:50000 -jar ${folder}/${fetched} ${url}`);
    t.match(await fixture.untilHealth(/^the agent is connected to port 50000/), { code: 0 });
  });

  t.test('a container without an agent is unhealthy', async (t) => {
    const fixture = await HealthFixture.open(t, folder);
    const none = await fixture.health('', 'JENKINS_URL=http://127.0.0.1:8080/');
    t.match(none, { code: 1, text: "bailey: the agent's java does not run" });
  });

  t.test('an agent is unhealthy while disconnected or stopped, healthy when reconnected', async (t) => {
    const fixture = await HealthFixture.open(t, folder);
    const controller = await fixture.java(listener);
    const pid = await fixture.java(agent({ args: url, connect: '127.0.0.1:50000' }));
    await fixture.untilHealth(/^the agent is connected/);
    await fixture.run(`kill -KILL ${controller}; wait ${controller}`);
    t.match(await fixture.untilHealth(/has no connection/), { code: 1 });
    await fixture.java(listener);
    t.match(await fixture.untilHealth(/^the agent is connected/), { code: 0 });
    await fixture.must(`kill -STOP ${pid}`);
    t.match(await fixture.health(), { code: 1, text: /^bailey: the agent's java \(pid \d+\) is stopped/ });
    await fixture.must(`kill -CONT ${pid}`);
  });

  t.test('a connection without acknowledgements is dead', async (t) => {
    const fixture = await HealthFixture.open(t, folder);
    await fixture.java(listener);
    await fixture.java(agent({ args: url, connect: '127.0.0.1:50000' }));
    await fixture.untilHealth(/^the agent is connected/);
    await fixture.must('busybox ip link set lo down');
    t.match(await fixture.untilHealth(/is dead/), {
      code: 1,
      text: /^bailey: the agent's connection to port 50000 is dead: /,
    });
  });

  if (requires(t, root)) {
    t.test('the check works as the same user, as root, and as root without CAP_SYS_PTRACE', async (t) => {
      const fixture = await HealthFixture.open(t, folder);
      const user = 'setpriv --reuid 1000 --regid 1000 --clear-groups';
      await fixture.java(listener);
      await fixture.java(agent({ args: url, connect: '127.0.0.1:50000' }), user);
      await fixture.untilHealth(/^the agent is connected/);
      const withoutPtrace = 'setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace';
      for (const who of ['', user, withoutPtrace]) {
        const ended = await fixture.health('', who);
        t.strictSame(
          ended,
          { code: 0, text: 'the agent is connected to port 50000 of its controller' },
          who || 'root',
        );
      }
      const look = await fixture.run(`${withoutPtrace} readlink /proc/$(pgrep -u 1000 -o java)/fd/0`);
      t.strictSame(look, { code: 1, text: '' }, 'root without CAP_SYS_PTRACE cannot read descriptors');
    });
  }
}
