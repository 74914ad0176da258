import { type Command, Option } from 'commander';
import { readDuration } from '../../terminal/duration.ts';
import { Failure } from '../../terminal/failure.ts';
import { defaultPlugin, defaultSocket } from '../daemon/default-paths.ts';
import type { ServeSettings } from '../daemon/serve.ts';
import type { TlsSettings } from '../daemon/tls-files.ts';
import type { EventLevel } from '../events/event.ts';
import type { LogSettings } from '../events/log.ts';

/** What commander makes of the command line. */
export interface CastleOptions {
  readonly config?: string;
  readonly socket: string;
  readonly state: string;
  readonly backend: string;
  readonly runtime: string;
  readonly dockerSocket?: string;
  readonly snapshotSchedule?: string;
  readonly snapshotVolumes: string;
  readonly snapshotKeep: string;
  readonly freezeLimit: string;
  readonly offHost?: string;
  readonly keepDeleted: string;
  readonly reconcileInterval: string;
  readonly metricsListen?: string;
  readonly listen?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly plugin?: string;
  readonly gcInterval: string;
  readonly logLevel: EventLevel;
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
      'where volumes live: local=DIR, loop=DIR[,fs=ext4|xfs][,size=10G], nfs=HOST:/EXPORT[,OPTION…], or ebs[=ZONE][,size=10G][,type=gp3]…',
      'local=/var/lib/castle/volumes',
    )
    .option(
      '--runtime <name>',
      'who runs containers: docker, podman, or process (development only)',
      'docker',
    )
    .option(
      '--docker-socket <path>',
      "the engine's socket (default: DOCKER_HOST, or /var/run/docker.sock; CONTAINER_HOST, or /run/podman/podman.sock)",
    )
    .option(
      '--snapshot-schedule <cron>',
      'when snapshots are taken, UTC: "0 * * * *"; several with ; between',
    )
    .option('--snapshot-volumes <names>', 'of which volumes: "main,team-*"', '*')
    .option('--snapshot-keep <numbers>', 'how many of them are kept', 'hourly=24,daily=7,weekly=4,monthly=12')
    .option(
      '--off-host <place>',
      'where snapshots by schedule are copied to: s3=BUCKET[/PREFIX][,endpoint=URL][,region=NAME]',
    )
    .option('--freeze-limit <time>', 'how long a volume may stand still for a snapshot', '10s')
    .option('--keep-deleted <time>', 'how long deleted volumes can be restored: 12h, 7d', '7d')
    .option('--reconcile-interval <time>', 'how often the castle compares its state with what is true', '5m')
    .option('--gc-interval <time>', 'how often to look for what belongs to nobody: 1h; 0: never', '1h')
    .option('--metrics-listen <host:port>', 'serve /metrics and /healthz on TCP as well, to everybody')
    .option('--listen <host:port>', 'listen over TLS as well, for containers with a token (castle token)')
    .option(
      '--tls-cert <file>',
      'for --listen: the certificate, and those that lead to its authority, in PEM',
    )
    .option('--tls-key <file>', "for --listen: the certificate's private key, in PEM")
    .option('--tls-client-ca <file>', 'for --listen: who connects must have a certificate of this authority')
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
  const all = await withFile(command, options);
  const { dockerSocket, metricsListen, logFormat, snapshotSchedule: schedule, offHost } = all;
  const tls = tlsOf(all);
  const text = logFormat === 'text' || (logFormat === 'auto' && process.stderr.isTTY === true);
  return {
    socket: all.socket,
    state: all.state,
    backend: all.backend,
    runtime: all.runtime,
    dockerSocket: dockerSocket ?? engineSocket(all.runtime),
    ...(schedule === undefined
      ? {}
      : { snapshots: { schedule, volumes: all.snapshotVolumes, keep: all.snapshotKeep } }),
    ...(offHost === undefined ? {} : { offHost }),
    freezeLimitMs: readDuration('--freeze-limit', all.freezeLimit, 'usage'),
    keepDeletedMs: readDuration('--keep-deleted', all.keepDeleted, 'usage'),
    reconcileIntervalMs: readReconcileInterval(all.reconcileInterval),
    gcIntervalMs: readDuration('--gc-interval', all.gcInterval, 'usage'),
    ...(all.plugin === undefined ? {} : { plugin: all.plugin }),
    ...(metricsListen === undefined ? {} : { metricsListen }),
    ...(tls === undefined ? {} : { tls }),
    log: { level: all.logLevel, format: text ? 'text' : 'json' },
  };
}

/** All that listening over TLS takes, or nothing of it. @throws Failure config */
function tlsOf({ listen, tlsCert, tlsKey, tlsClientCa }: CastleOptions): TlsSettings | undefined {
  if (listen === undefined && tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) {
    return undefined;
  }
  if (listen === undefined || tlsCert === undefined || tlsKey === undefined) {
    throw new Failure(
      'config',
      'listening over TLS takes --listen, --tls-cert and --tls-key',
      'give all three, or none of the options of TLS',
    );
  }
  return {
    listen,
    certFile: tlsCert,
    keyFile: tlsKey,
    ...(tlsClientCa === undefined ? {} : { clientCaFile: tlsClientCa }),
  };
}

/** @throws Failure usage when it is no time, or one that leaves the host no rest */
function readReconcileInterval(text: string): number {
  const everyMs = readDuration('--reconcile-interval', text, 'usage');
  if (everyMs >= 1_000 && everyMs <= 86_400_000) return everyMs;
  throw new Failure('usage', `--reconcile-interval ${text} is not from 1s to 1d`, 'give a time as in 5m');
}

async function withFile(command: Command, options: CastleOptions): Promise<CastleOptions> {
  if (options.config === undefined) return options;
  const { readConfig } = await import('../daemon/config-file.ts');
  const file = readConfig(options.config);
  const given = Object.entries(options).filter(([key]) => command.getOptionValueSource(key) === 'cli');
  return { ...options, ...file, ...Object.fromEntries(given) };
}

/** Where an engine's own clients look for it. */
function engineSocket(runtime: string): string {
  return runtime === 'podman'
    ? (socketOf(process.env['CONTAINER_HOST']) ?? '/run/podman/podman.sock')
    : (socketOf(process.env['DOCKER_HOST']) ?? '/var/run/docker.sock');
}

/** The path in a `unix://` DOCKER_HOST; other addresses lead to engines that are not on this host. */
function socketOf(dockerHost: string | undefined): string | undefined {
  return dockerHost?.startsWith('unix://') ? dockerHost.slice('unix://'.length) : undefined;
}
