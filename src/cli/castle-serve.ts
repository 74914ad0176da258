import type { Command } from 'commander';
import { defaultSocket } from '../castle/places.ts';
import { say } from './frame.ts';

interface ServeOptions {
  readonly socket: string;
  readonly state: string;
  readonly backend: string;
  readonly runtime: string;
  readonly dockerSocket?: string;
}

/** `castle serve`: runs until SIGTERM or SIGINT. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve the containers of this host')
    .option('--socket <path>', 'unix socket to listen on', defaultSocket)
    .option('--state <dir>', 'where the castle keeps what it must not forget', '/var/lib/castle/state')
    .option(
      '--backend <name=setting>',
      'where volumes live: local=DIR, or loop=DIR[,fs=ext4|xfs][,size=10G]',
      'local=/var/lib/castle/volumes',
    )
    .option('--runtime <name>', 'who runs containers: docker, or process (development only)', 'docker')
    .option('--docker-socket <path>', "the engine's socket (default: DOCKER_HOST, or /var/run/docker.sock)")
    .action(async (options: ServeOptions) => {
      const { serve } = await import('../castle/serve.ts');
      const castle = await serve(
        {
          socket: options.socket,
          state: options.state,
          backend: options.backend,
          runtime: options.runtime,
          dockerSocket:
            options.dockerSocket ?? socketOf(process.env['DOCKER_HOST']) ?? '/var/run/docker.sock',
        },
        (line) => say('castle', line),
      );
      await firstSignal(['SIGTERM', 'SIGINT']);
      await castle.stop();
    });
}

/** The path in a `unix://` DOCKER_HOST; other addresses lead to engines that are not on this host. */
function socketOf(dockerHost: string | undefined): string | undefined {
  return dockerHost?.startsWith('unix://') ? dockerHost.slice('unix://'.length) : undefined;
}

/** A second signal, when stopping takes too long for somebody, ends us at once: the handlers are gone by then. */
function firstSignal(signals: readonly NodeJS.Signals[]): Promise<void> {
  return new Promise((resolve) => {
    const caught = () => {
      for (const signal of signals) process.off(signal, caught);
      resolve();
    };
    for (const signal of signals) process.on(signal, caught);
  });
}
