/**
 * The settings of a castle, declared once. The options of `castle serve` and `castle doctor`, the keys of the config
 * file, the defaults, the help, the reference documentation and the example etc/castle.yaml all come from this table.
 */

import { checkSocketPath } from '../../linux/unix-socket.ts';
import { readDuration } from '../../terminal/duration.ts';
import { Failure } from '../../terminal/failure.ts';
import { readPath } from '../../terminal/read-path.ts';
import type { Setting } from '../../terminal/setting.ts';
import { type Address, parseAddress } from '../api/listen-address.ts';
import { type BackendSettings, parseBackend } from '../backends/backend-settings.ts';
import { parsePlace, type S3Place } from '../snapshots/off-host/s3-place.ts';
import type { Retention } from '../snapshots/retention.ts';
import {
  parseRetention,
  parseSchedule,
  parseVolumeNames,
  type Schedule,
} from '../snapshots/schedule-settings.ts';
import { defaultPlugin, defaultSocket } from './default-paths.ts';

/** What a setting belongs to: a part of the castle that is used only when it is configured, or the castle itself. */
export type SettingGroup =
  | 'castle'
  | 'containers'
  | 'volumes'
  | 'snapshots'
  | 'housekeeping'
  | 'metrics'
  | 'tls'
  | 'docker-plugin'
  | 'log';

/** The syntax of a setting's value. */
interface Syntax<Value> {
  /**
   * The accepted text in the config file. It is stricter than the command line: paths must be absolute, because a service has
   * no working directory.
   */
  readonly pattern: RegExp;
  /** The syntax in words: the end of the sentence "KEY must be". */
  readonly form: string;
  /** @throws Failure usage or config, naming the option */
  readonly parse: (option: string, text: string) => Value | Promise<Value>;
}

/** One setting. */
interface Declaration<Value> {
  /** The key in the config file; with `--` before it, the option. */
  readonly key: string;
  readonly group: SettingGroup;
  readonly placeholder: string;
  readonly variable?: string;
  readonly default?: string;
  /** Without a default: what happens when the setting is not given, if its meaning does not say so. */
  readonly without?: string;
  /** The value of an option that is given without one. */
  readonly preset?: string;
  /** One phrase, for help and reference. */
  readonly meaning: string;
  /** Whole sentences, for the example config file. */
  readonly details: string;
  /** A value for the example config file, where it is not the default. */
  readonly example?: string;
  readonly syntax: Syntax<Value>;
}

const path: Syntax<string> = { pattern: /^\//, form: 'an absolute path', parse: readPath };

const socketPath: Syntax<string> = {
  ...path,
  parse(option, text) {
    const socket = readPath(option, text);
    checkSocketPath(socket, option);
    return socket;
  },
};

const address: Syntax<Address> = {
  pattern: /^.+:[0-9]+$/,
  form: 'HOST:PORT, as in 127.0.0.1:9464',
  parse: parseAddress,
};

const readMs = (option: string, text: string): number => readDuration(option, text, 'usage');

const duration: Syntax<number> = {
  pattern: /^[0-9]{1,9}([.][0-9]{1,3})?(ms|s|m|h|d)$/,
  form: 'a time with its unit, as in 12h or 7d',
  parse: readMs,
};

/** @param shortestMs,longestMs the accepted range, in milliseconds @param range the range in words, as in `1s to 1d` */
const durationWithin = (shortestMs: number, longestMs: number, range: string): Syntax<number> => ({
  ...duration,
  parse(option, text) {
    const ms = readMs(option, text);
    if (ms >= shortestMs && ms <= longestMs) return ms;
    throw new Failure('usage', `${option} ${text} is not a time from ${range}`, 'give a time as in 5m');
  },
});

const durationOrZero: Syntax<number> = {
  ...duration,
  pattern: /^(0|[0-9]{1,9}([.][0-9]{1,3})?(ms|s|m|h|d))$/,
  form: 'a time with its unit, as in 1h, or "0"',
};

function oneOf<const Word extends string>(...words: readonly Word[]): Syntax<Word> {
  const form = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  return {
    pattern: new RegExp(`^(${words.join('|')})$`),
    form,
    parse(option, text) {
      const word = words.find((one) => one === text);
      if (word !== undefined) return word;
      throw new Failure('usage', `${option} is ${JSON.stringify(text)}`, `it must be ${form}`);
    },
  };
}

const backend: Syntax<BackendSettings> = {
  pattern: /^([a-z]+=\/|nfs=[^/,]+:\/|ebs($|[=,]))/,
  form: 'NAME=DIR with an absolute path, as in local=/srv/castle or loop=/srv/castle,fs=ext4,size=10G; or nfs=HOST:/EXPORT; or ebs,size=10G',
  parse(option, text) {
    const [, name, folder] = /^(local|loop)=([^/,][^,]*)/.exec(text) ?? [];
    if (folder === undefined) return parseBackend(text);
    throw new Failure(
      'usage',
      `${option} ${name}=${folder}: the folder is not an absolute path`,
      `give for example ${option} ${name}=/srv/castle`,
    );
  },
};

const cronExpressions: Syntax<Schedule> = {
  pattern: /^.+$/,
  form: 'cron expressions, as in "0 * * * *", with ; between',
  parse: (_option, text) => parseSchedule(text),
};

const volumeNames: Syntax<(volume: string) => boolean> = {
  pattern: /^.+$/,
  form: 'names with * and ?, as in "main,team-*"',
  parse: (_option, text) => parseVolumeNames(text),
};

const retention: Syntax<Retention> = {
  pattern: /^[a-z]+=.+$/,
  form: 'numbers, as in last=3,hourly=24,daily=7',
  parse: (_option, text) => parseRetention(text),
};

const place: Syntax<S3Place> = {
  pattern: /^s3=.+$/,
  form: 's3=BUCKET or s3=BUCKET/PREFIX, and options, as in s3=backups,region=eu-west-1',
  parse: (_option, text) => parsePlace(text),
};

const runtime: Syntax<string> = {
  pattern: /^(docker|podman|process)$/,
  form: 'docker, podman or process',
  parse: (_option, text) => text,
};

/** The table, by the name that each value has in the program. */
const declarations = {
  socket: {
    key: 'socket',
    group: 'castle',
    placeholder: 'PATH',
    variable: 'CASTLE_SOCKET',
    default: defaultSocket,
    meaning: 'unix socket to listen on',
    details:
      'The unix socket that the castle listens on. Containers get the folder of the socket mounted, read-only, and nothing else of the castle.',
    syntax: socketPath,
  },
  state: {
    key: 'state',
    group: 'castle',
    placeholder: 'DIR',
    default: '/var/lib/castle/state',
    meaning: "folder of the castle's database",
    details:
      "The folder of the castle's database: leases, volumes and snapshots. It must be on a local file system of the host that survives a restart; never on NFS.",
    syntax: path,
  },
  backend: {
    key: 'backend',
    group: 'volumes',
    placeholder: 'NAME=SETTING',
    default: 'local=/var/lib/castle/volumes',
    meaning:
      'where volumes are stored: local=DIR, loop=DIR[,fs=ext4|xfs][,size=10G], nfs=HOST:/EXPORT[,OPTION…] or ebs[=ZONE][,size=10G][,type=gp3]…',
    details:
      'Where volumes are stored. local=DIR: a folder for each volume. loop=DIR,fs=ext4,size=10G: an image for each volume, with its own size. nfs=HOST:/EXPORT: a folder for each volume on an NFS server. ebs,size=10G,type=gp3: an EBS volume for each volume, on EC2.',
    syntax: backend,
  },
  runtime: {
    key: 'runtime',
    group: 'containers',
    placeholder: 'NAME',
    default: 'docker',
    meaning: 'what runs the containers: docker, podman, or process (for development only)',
    details:
      'What runs the containers: docker or podman. `process` is for development: every container may use every volume.',
    syntax: runtime,
  },
  dockerSocket: {
    key: 'docker-socket',
    group: 'containers',
    placeholder: 'PATH',
    without:
      'the path in DOCKER_HOST, or /var/run/docker.sock; for podman, the path in CONTAINER_HOST, or /run/podman/podman.sock',
    meaning: 'unix socket of the container engine',
    details:
      'The unix socket of the container engine. Without this key: the path in DOCKER_HOST, or in CONTAINER_HOST for podman.',
    example: '/var/run/docker.sock',
    syntax: path,
  },
  snapshotSchedule: {
    key: 'snapshot-schedule',
    group: 'snapshots',
    placeholder: 'CRON',
    without: 'snapshots are taken only on request',
    meaning: 'when snapshots are taken: cron expressions in UTC, separated by ;',
    details:
      'When snapshots are taken: cron expressions in UTC, separated by ; characters. Without this key, snapshots are taken only on request.',
    example: '0 * * * *',
    syntax: cronExpressions,
  },
  snapshotVolumes: {
    key: 'snapshot-volumes',
    group: 'snapshots',
    placeholder: 'NAMES',
    default: '*',
    meaning: 'which volumes the schedule covers: names with * and ?, as in "main,team-*"',
    details: 'Which volumes the schedule covers: names with * and ?, separated by commas.',
    syntax: volumeNames,
  },
  snapshotKeep: {
    key: 'snapshot-keep',
    group: 'snapshots',
    placeholder: 'NUMBERS',
    default: 'hourly=24,daily=7,weekly=4,monthly=12',
    meaning: 'how many of the scheduled snapshots are kept',
    details:
      'How many of the scheduled snapshots are kept. This never deletes snapshots that were taken on request.',
    syntax: retention,
  },
  offHost: {
    key: 'off-host',
    group: 'snapshots',
    placeholder: 'PLACE',
    without: 'snapshots are not copied',
    meaning: 'where scheduled snapshots are copied to: s3=BUCKET[/PREFIX][,endpoint=URL][,region=NAME]',
    details:
      'Where scheduled snapshots are copied to, each as one compressed object with a checksum. Credentials are found as by every AWS tool: in the environment of the service, in /root/.aws, or from the role of the instance. Stores other than Amazon S3 need endpoint=.',
    example: 's3=backups/castle,endpoint=https://s3.example.com,region=eu-west-1',
    syntax: place,
  },
  freezeLimitMs: {
    key: 'freeze-limit',
    group: 'snapshots',
    placeholder: 'TIME',
    default: '10s',
    meaning: 'how long a volume may be frozen for a snapshot',
    details: 'How long a volume in use may be frozen for a snapshot, where a snapshot is a full copy.',
    syntax: durationWithin(1_000, 3_600_000, '1s to 1h'),
  },
  keepDeletedMs: {
    key: 'keep-deleted',
    group: 'volumes',
    placeholder: 'TIME',
    default: '7d',
    meaning: 'how long a deleted volume can be restored, as in 12h or 7d',
    details: 'How long a deleted volume can be restored.',
    syntax: duration,
  },
  reconcileIntervalMs: {
    key: 'reconcile-interval',
    group: 'housekeeping',
    placeholder: 'TIME',
    default: '5m',
    meaning: 'how often the castle compares its database with the host and corrects it',
    details:
      'How often the castle compares its database with the mounts of every process, with the volumes and with the containers of the engine, and corrects it.',
    syntax: durationWithin(1_000, 86_400_000, '1s to 1d'),
  },
  gcIntervalMs: {
    key: 'gc-interval',
    group: 'housekeeping',
    placeholder: 'TIME',
    default: '1h',
    meaning: 'how often garbage is collected: unused mounts, devices and files; 0: never',
    details:
      'How often garbage is collected: unused mounts, devices and files that the castle created. Objects without data are removed; objects that may hold data are only reported. "0": never.',
    syntax: durationOrZero,
  },
  metricsListen: {
    key: 'metrics-listen',
    group: 'metrics',
    placeholder: 'HOST:PORT',
    without: 'only on the unix socket',
    meaning: 'TCP address that serves /metrics and /healthz without authentication',
    details:
      'The TCP address that serves /metrics and /healthz, for Prometheus, which cannot read a unix socket. Any client that reaches the port can read them. They contain no names of containers or volumes.',
    example: '127.0.0.1:9464',
    syntax: address,
  },
  listen: {
    key: 'listen',
    group: 'tls',
    placeholder: 'HOST:PORT',
    without: 'only on the unix socket',
    meaning: 'TCP address to listen on with TLS, for containers that have a token (castle token)',
    details:
      'For containers that cannot have the folder of the socket: the TCP address to listen on with TLS. Each container needs a token (castle token). The files below are in PEM.',
    example: '0.0.0.0:8443',
    syntax: { ...address, form: 'HOST:PORT, as in 0.0.0.0:8443' },
  },
  tlsCert: {
    key: 'tls-cert',
    group: 'tls',
    placeholder: 'FILE',
    meaning: 'for --listen: the certificate, followed by its intermediate certificates, in PEM',
    details: 'The certificate, followed by its intermediate certificates.',
    example: '/etc/castle/tls.crt',
    syntax: path,
  },
  tlsKey: {
    key: 'tls-key',
    group: 'tls',
    placeholder: 'FILE',
    meaning: 'for --listen: the private key of the certificate, in PEM',
    details: 'The private key of the certificate.',
    example: '/etc/castle/tls.key',
    syntax: path,
  },
  tlsClientCa: {
    key: 'tls-client-ca',
    group: 'tls',
    placeholder: 'FILE',
    without: 'clients need no certificate',
    meaning: 'for --listen: clients must have a certificate of this authority',
    details: 'With this key, clients must have a certificate of this authority.',
    example: '/etc/castle/clients.crt',
    syntax: path,
  },
  plugin: {
    key: 'plugin',
    group: 'docker-plugin',
    placeholder: '[SOCKET]',
    preset: defaultPlugin,
    without: 'off',
    meaning: `serve as a volume driver of the engine, named after the socket; without SOCKET: ${defaultPlugin}`,
    details:
      'Serves as a volume driver of the engine, so that `docker run --volume-driver castle -v NAME:/PATH` works. The driver is named after the socket.',
    example: defaultPlugin,
    syntax: socketPath,
  },
  logLevel: {
    key: 'log-level',
    group: 'log',
    placeholder: 'LEVEL',
    default: 'info',
    meaning: 'least severe level that is logged: debug, info, warn or error',
    details: 'The least severe level that is logged: debug, info, warn or error. debug logs each request.',
    syntax: oneOf('debug', 'info', 'warn', 'error'),
  },
  logFormat: {
    key: 'log-format',
    group: 'log',
    placeholder: 'FORMAT',
    default: 'auto',
    meaning: 'format of the log on standard error: json, text, or auto (text on a terminal, else json)',
    details: 'auto: text on a terminal, one JSON object per line elsewhere. Or json, or text.',
    syntax: oneOf('auto', 'json', 'text'),
  },
} as const satisfies Record<string, Declaration<unknown>>;

export type SettingName = keyof typeof declarations;

/** The value of each setting; undefined where a setting has no default and is not given. */
export type SettingValues = {
  readonly [Name in SettingName]:
    | Awaited<ReturnType<(typeof declarations)[Name]['syntax']['parse']>>
    | ((typeof declarations)[Name] extends { readonly default: string } ? never : undefined);
};

/** The values of the settings that one source gives: the command line, the config file, the environment or the defaults. */
export type GivenValues = Partial<SettingValues>;

/** The text that was given for each setting. */
export type SettingTexts = { readonly [Name in SettingName]?: string };

/** A setting, as help, config file and reference show it. */
export interface SettingDescription extends Setting {
  readonly name: SettingName;
  readonly option: `--${string}`;
  readonly placeholder: string;
  /** The key in the config file. */
  readonly key: string;
  readonly group: SettingGroup;
  readonly details: string;
  /** A value to show in an example. */
  readonly example: string;
  /** The value of an option that is given without one. */
  readonly preset?: string;
  /** What the config file accepts, and the same in words. */
  readonly pattern: RegExp;
  readonly form: string;
  /** Whether the setting has a default. */
  readonly hasDefault: boolean;
  /** @throws Failure usage or config, naming the option, when the value is wrong */
  readonly parse: (text: string) => unknown;
}

const table = Object.entries(declarations) as readonly [SettingName, Declaration<unknown>][];

export const castleSettings: readonly SettingDescription[] = table.map(
  ([name, { key, syntax, without, ...declared }]) => ({
    ...declared,
    name,
    key,
    option: `--${key}`,
    ...(declared.default === undefined && without === undefined
      ? {}
      : { default: declared.default ?? without ?? '' }),
    example: declared.example ?? declared.default ?? '',
    pattern: syntax.pattern,
    form: syntax.form,
    hasDefault: declared.default !== undefined,
    parse: (text) => syntax.parse(`--${key}`, text),
  }),
);

/** The option that names the config file; it has no key in it. */
export const configSetting: Setting = {
  option: '--config',
  placeholder: 'FILE',
  meaning: 'YAML file with these options as keys; the command line overrides it',
};

/**
 * Reads the values that one source gives.
 * @throws Failure usage or config when one is wrong
 */
export async function parseSettings(texts: SettingTexts): Promise<GivenValues> {
  const values: [SettingName, unknown][] = [];
  for (const { name, parse } of castleSettings) {
    const text = texts[name];
    if (text !== undefined) values.push([name, await parse(text)]);
  }
  // The table's own type says which value each name has.
  return Object.fromEntries(values) as GivenValues;
}

/** The value of each setting that no source gives. */
export async function defaultValues(): Promise<SettingValues> {
  const texts = table.flatMap(([name, declared]) =>
    declared.default === undefined ? [] : [[name, declared.default] as const],
  );
  const without = table.map(([name]) => [name, undefined] as const);
  return {
    ...Object.fromEntries(without),
    ...(await parseSettings(Object.fromEntries(texts))),
  } as SettingValues;
}
