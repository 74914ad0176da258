import { readFileSync } from 'node:fs';
import type Dockerode from 'dockerode';
import { errorMessage } from '../../failure.ts';
import { volumeNamePattern } from '../../volume-name.ts';
import { containerIds } from '../identity/container-id.ts';
import { identify, namespaceOf } from '../proc.ts';
import { Refused } from '../refused.ts';
import type { Container, Peer, Runtime } from './runtime.ts';

/** The label with which the orchestrator gives a container its volume. */
const volumeLabel = 'castle.volume';

/**
 * The runtime `docker`: the container id comes from the process's cgroup, the permission from the container's labels.
 * @param engine a client of the engine's API
 */
export function dockerRuntime(engine: Pick<Dockerode, 'getContainer'>): Runtime {
  return {
    name: 'docker',
    async containerOf(peer) {
      const id = containerIdOf(peer);
      if (id === undefined) return undefined;
      return describe(engine, id, peer);
    },
  };
}

function containerIdOf(peer: Peer): string | undefined {
  let ids: readonly string[];
  try {
    ids = containerIds(readFileSync(`/proc/${peer.pid}/cgroup`, 'utf8'));
  } catch {
    throw new Refused('not_permitted', `process ${peer.pid} has ended`, 'ask from a running process');
  }
  if (ids.length > 1) {
    throw new Refused(
      'not_permitted',
      `process ${peer.pid} is in the cgroups of ${ids.length} containers`,
      'a container must not be able to write to /sys/fs/cgroup',
    );
  }
  return ids[0];
}

async function describe(engine: Pick<Dockerode, 'getContainer'>, id: string, peer: Peer): Promise<Container> {
  const about = await inspect(engine, id);
  const { Pid: pid, Running: running } = about.State;
  const name = about.Name.replace(/^\//, '');
  if (!running || pid === 0) {
    throw new Refused('not_permitted', `container ${name} is not running`, 'start it');
  }
  const first = identify(pid);
  // The engine's answer and the process must belong together: the pid may have been used again in between.
  if (containerIdOf({ ...peer, pid }) !== id || namespaceOf(pid, 'mnt') !== namespaceOf(peer.pid, 'mnt')) {
    throw new Refused(
      'not_permitted',
      `process ${peer.pid} is not in the mount namespace of container ${name}`,
      'ask from the entrypoint of the container, not from a namespace made inside it',
    );
  }
  const volume = about.Config.Labels[volumeLabel];
  return { id, name, first, volumes: volume !== undefined && volumeNamePattern.test(volume) ? [volume] : [] };
}

async function inspect(engine: Pick<Dockerode, 'getContainer'>, id: string) {
  try {
    return await engine.getContainer(id).inspect();
  } catch (thrown) {
    if (thrown instanceof Error && 'statusCode' in thrown && thrown.statusCode === 404) {
      throw new Refused(
        'not_permitted',
        `container ${id.slice(0, 12)} is unknown to the engine of this castle`,
        'point the castle at the engine that runs it (--docker-socket)',
      );
    }
    throw new Refused(
      'backend_failed',
      `the container engine does not answer: ${errorMessage(thrown)}`,
      'see to the engine; the castle asks it again at the next try',
    );
  }
}
