import { readFileSync } from 'node:fs';
import type Dockerode from 'dockerode';
import { identify, namespaceOf } from '../../linux/proc.ts';
import { errorMessage } from '../../terminal/failure.ts';
import { isOutOfResources } from '../refusals/out-of-resources.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { containerIds } from './container-id.ts';
import type { EngineDialect } from './engine-api-dialects.ts';
import { type EngineClients, followEngine } from './engine-events.ts';
import { readLabels } from './labels.ts';
import { hasEnded, inHostsMounts, inOtherMounts } from './refusals.ts';
import type { Container, KnownContainer, Peer, Runtime } from './runtime.ts';

/** How long the engine's whole answer may take, in milliseconds. A time-out of the socket would restart with each byte. */
const answerWithinMs = 10_000;

type Engine = Pick<Dockerode, 'getContainer' | 'listContainers'>;

/** The clients of the engine's API that the runtime needs. */
export interface DockerClients extends EngineClients {
  readonly asking: Engine & EngineClients['asking'];
}

/**
 * The runtimes `docker` and `podman`. The cgroup of a process gives the id of its container. The labels of the container give
 * the volumes that it may use.
 */
export function dockerRuntime(clients: DockerClients, dialect: EngineDialect): Runtime {
  const { asking } = clients;
  return {
    name: dialect.name,
    usersOf: (volume) => usersOf(asking, volume),
    follow: (listener) => followEngine(clients, dialect, listener),
    async containerOf(peer) {
      const id = containerIdOf(peer.pid);
      if (id === undefined) return undefined;
      return describe(await inspect(asking, id), id, peer);
    },
    async find(name) {
      const inspected = await inspect(asking, name);
      return inspected === undefined ? undefined : known(inspected);
    },
  };
}

/** The states of a container that uses its volumes or will use them again; Docker's API, `GET /containers/json`. */
const activeStates = ['running', 'paused', 'restarting'];

async function usersOf(engine: Engine, volume: string): Promise<readonly string[]> {
  try {
    const filters = JSON.stringify({ volume: [volume], status: activeStates });
    const users = await engine.listContainers({ filters });
    return users.map(({ Names: names, Id: id }) => names[0]?.replace(/^\//, '') ?? id);
  } catch (thrown) {
    throw engineFails(errorMessage(thrown));
  }
}

function containerIdOf(pid: number): string | undefined {
  const ids = containerIds(ofLiving(pid, () => readFileSync(`/proc/${pid}/cgroup`, 'utf8')));
  if (ids.length > 1) {
    throw new RefusalError(
      'not_permitted',
      `process ${pid} is in the cgroups of ${ids.length} containers`,
      'a container must not be able to write to /sys/fs/cgroup',
    );
  }
  return ids[0];
}

function describe(inspected: Inspected | undefined, id: string, peer: Peer): Container {
  // The engine finds containers by name too, and a name can look like the id of another container.
  if (inspected?.id !== id) {
    throw new RefusalError(
      'not_permitted',
      `container ${id.slice(0, 12)} is unknown to the engine of this castle`,
      'point the castle at the engine that runs it (--docker-socket)',
    );
  }
  const container = running(inspected);
  if (container === undefined) throw isNotRunning(inspected.name);
  const namespace = ofLiving(container.first.pid, () => namespaceOf(container.first.pid, 'mnt'));
  if (namespace !== ofLiving(peer.pid, () => namespaceOf(peer.pid, 'mnt'))) {
    throw inOtherMounts(peer.pid, container.name);
  }
  return container;
}

function known(inspected: Inspected): KnownContainer {
  const { id, name, labels } = inspected;
  const container = running(inspected);
  const { volumes } = readLabels(name, labels);
  return { id, name, volumes, ...(container === undefined ? {} : { running: container }) };
}

/**
 * Returns the container with its first process; undefined when it is not running. The pid may have been reused since the
 * engine's answer, so the cgroup of the process must have the id of the container.
 */
function running({ id, name, pid, labels }: Inspected): Container | undefined {
  if (pid === 0) return undefined;
  const first = ofLiving(pid, () => identify(pid));
  const namespace = ofLiving(pid, () => namespaceOf(pid, 'mnt'));
  if (containerIdOf(pid) !== id) throw isNotRunning(name);
  if (namespace === namespaceOf('self', 'mnt')) throw inHostsMounts(name);
  return { id, name, first, ...readLabels(name, labels) };
}

function isNotRunning(name: string): RefusalError {
  return new RefusalError('not_permitted', `container ${name} is not running`, 'start it');
}

/** Reads something of a process in /proc. A failure means that the process has ended. */
function ofLiving<T>(pid: number, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (isOutOfResources(thrown)) throw thrown;
    throw hasEnded(pid);
  }
}

/** The fields of the engine's answer that are used here, validated. */
interface Inspected {
  readonly id: string;
  readonly name: string;
  /** The first process; 0 when the container is not running. */
  readonly pid: number;
  readonly labels: Readonly<Record<string, unknown>>;
}

function readInspected(answer: unknown): Inspected {
  const { Id: id, State: state, Name: name, Config: config } = fieldsOf(answer);
  const { Pid: pid, Running: running } = fieldsOf(state);
  const isRight =
    typeof id === 'string' &&
    typeof name === 'string' &&
    typeof pid === 'number' &&
    typeof running === 'boolean';
  if (!isRight) {
    throw engineFails('its answer lacks the fields of a container');
  }
  // Labels are null for a container that another client of the engine created without any.
  const labels = fieldsOf(fieldsOf(config)['Labels']);
  return {
    id,
    name: name.replace(/^\//, ''),
    pid: running ? pid : 0,
    labels,
  };
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

/** @returns undefined when the engine has no such container */
async function inspect(engine: Engine, name: string): Promise<Inspected | undefined> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), answerWithinMs);
  try {
    const answer: unknown = await Promise.race([
      engine.getContainer(name).inspect({ abortSignal: late.signal }),
      new Promise<never>((_, reject) => {
        late.signal.addEventListener('abort', () =>
          reject(new Error(`no whole answer within ${answerWithinMs / 1000} s`)),
        );
      }),
    ]);
    return readInspected(answer);
  } catch (thrown) {
    if (thrown instanceof RefusalError) throw thrown;
    if (thrown instanceof Error && 'statusCode' in thrown && thrown.statusCode === 404) return undefined;
    throw engineFails(errorMessage(thrown));
  } finally {
    clearTimeout(timer);
  }
}

function engineFails(reason: string): RefusalError {
  return new RefusalError(
    'backend_failed',
    `the container engine does not answer: ${reason}`,
    'check that the engine is running; the next request tries it again',
  );
}
