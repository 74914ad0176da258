import { type Command, Option } from 'commander';
import type { Level } from '../castle/chronicle/happening.ts';
import type { LogSettings } from '../castle/chronicle/log.ts';
import { defaultPlugin, defaultSocket } from '../castle/places.ts';
import type { ServeSettings } from '../castle/serve.ts';
import { readDuration } from '../launch/duration.ts';

/** What commander makes of the command line. */
export interface CastleOptions {
  readonly config?: string;
  readonly socket: string;
  readonly state: string;
  readonly backend: string;
  readonly runtime: string;
  readonly dockerSocket?: string;
  readonly keepDeleted: string;
  readonly metricsListen?: string;
  readonly plugin?: string;
  readonly gc: string;
  readonly logLevel: Level;
  readonly logFormat: 'auto' | 'json' | 'text';
}

/** The options of a castle; each, but `--config`, has its key in the file. */
export function addCastleOptions(command: Command): Command {
  return command
    .option('--config <file>', 'YAML with these options as keys; the command line wins')
    .option('--socket <path>', 'unix socket to listen on', defaultSocket)
    .option('--state <dir>', 'where the castle keeps what it must not forget', '/var/lib/castle/state')
    .option(
      '--backend <name=setting>',
      'where volumes live: local=DIR, or loop=DIR[,fs=ext4|xfs][,size=10G]',
      'local=/var/lib/castle/volumes',
    )
    .option('--runtime <name>', 'who runs containers: docker, or process (development only)', 'docker')
    .option('--docker-socket <path>', "the engine's socket (default: DOCKER_HOST, or /var/run/docker.sock)")
    .option('--keep-deleted <time>', 'how long deleted volumes can be restored: 12h, 7d', '7d')
    .option('--gc <time>', 'how often to look for what belongs to nobody: 1h; 0: never', '1h')
    .option('--metrics-listen <host:port>', 'serve /metrics and /healthz on TCP as well, to everybody')
    .addOption(
      new Option(
        '--plugin [socket]',
        `serve the engine as a volume driver, named after the socket (${defaultPlugin})`,
      ).preset(defaultPlugin),
    )
    .addOption(
      new Option('--log-level <level>', 'what matters less is not logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      new Option('--log-format <format>', 'of the log on stderr; auto: text on a terminal, else json')
        .choices(['auto', 'json', 'text'])
        .default('auto'),
    );
}

/** Everything that a castle is started with. */
export interface CastleSettings extends ServeSettings {
  readonly log: LogSettings;
}

/**
 * Puts together what the command line, the file and the environment say: each wins over the next, and all over the
 * defaults.
 * @param command the command that was called
 * @throws Failure config when the file is wrong
 */
export async function settingsOf(command: Command, options: CastleOptions): Promise<CastleSettings> {
  const { socket, state, backend, runtime, dockerSocket, keepDeleted, ...more } = await withFile(
    command,
    options,
  );
  const { gc, metricsListen, plugin, logLevel, logFormat } = more;
  const text = logFormat === 'text' || (logFormat === 'auto' && process.stderr.isTTY === true);
  return {
    socket,
    state,
    backend,
    runtime,
    dockerSocket: dockerSocket ?? socketOf(process.env['DOCKER_HOST']) ?? '/var/run/docker.sock',
    keepDeletedMs: readDuration('--keep-deleted', keepDeleted, 'usage'),
    gcMs: readDuration('--gc', gc, 'usage'),
    ...(metricsListen === undefined ? {} : { metricsListen }),
    ...(plugin === undefined ? {} : { plugin }),
    log: { level: logLevel, format: text ? 'text' : 'json' },
  };
}

async function withFile(command: Command, options: CastleOptions): Promise<CastleOptions> {
  if (options.config === undefined) return options;
  const { readConfig } = await import('../castle/config-file.ts');
  const file = readConfig(options.config);
  const given = Object.entries(options).filter(([key]) => command.getOptionValueSource(key) === 'cli');
  return { ...options, ...file, ...Object.fromEntries(given) };
}

/** The path in a `unix://` DOCKER_HOST; other addresses lead to engines that are not on this host. */
function socketOf(dockerHost: string | undefined): string | undefined {
  return dockerHost?.startsWith('unix://') ? dockerHost.slice('unix://'.length) : undefined;
}
