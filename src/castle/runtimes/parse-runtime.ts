import { Failure } from '../../terminal/failure.ts';
import { dockerRuntime } from './docker.ts';
import { dialects, type EngineDialect } from './engine-api-dialects.ts';
import { processRuntime } from './process.ts';
import type { Runtime } from './runtime.ts';

export interface RuntimeSettings {
  /** The engine's unix socket. */
  readonly dockerSocket: string;
}

/** Creates each runtime. Adding one takes a file and a line here. */
const runtimes: Record<string, (settings: RuntimeSettings) => Promise<Runtime>> = {
  docker: (settings) => engine(settings, dialects.docker),
  podman: (settings) => engine(settings, dialects.podman),
  process: async () => processRuntime(),
};

async function engine({ dockerSocket }: RuntimeSettings, dialect: EngineDialect): Promise<Runtime> {
  // Loaded only here: the client is large, and commands such as `castle status` do not need it.
  const { default: Docker } = await import('dockerode');
  const clients = {
    asking: new Docker({ socketPath: dockerSocket, timeout: 10_000 }),
    following: new Docker({ socketPath: dockerSocket }),
  };
  return dockerRuntime(clients, dialect);
}

/**
 * Creates the runtime that `--runtime` names.
 * @throws Failure usage for an unknown runtime
 */
export async function parseRuntime(name: string, settings: RuntimeSettings): Promise<Runtime> {
  const create = Object.hasOwn(runtimes, name) ? runtimes[name] : undefined;
  if (create === undefined) {
    throw new Failure(
      'usage',
      `--runtime ${JSON.stringify(name)} is not a runtime`,
      'use docker, podman or process',
    );
  }
  return create(settings);
}
