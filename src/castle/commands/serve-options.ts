import { type Command, Option } from 'commander';
import { hasColors } from '../../terminal/colors.ts';
import { Failure } from '../../terminal/failure.ts';
import { readPath } from '../../terminal/read-path.ts';
import { settingOption } from '../../terminal/setting-option.ts';
import type { TlsSettings } from '../api/tls-files.ts';
import { keepSocketsApart } from '../daemon/separate-folders.ts';
import type { ServeSettings } from '../daemon/serve-settings.ts';
import {
  castleSettings,
  configSetting,
  defaultValues,
  type GivenValues,
  parseSettings,
  type SettingDescription,
  type SettingName,
  type SettingTexts,
  type SettingValues,
} from '../daemon/settings.ts';
import type { LogSettings } from '../events/log.ts';

/** Adds the options of a castle: the settings table, and `--config`. */
export function addCastleOptions(command: Command): Command {
  command.addOption(settingOption([configSetting], '--config'));
  for (const setting of castleSettings) command.addOption(optionOf(setting));
  return command;
}

function optionOf({
  option,
  placeholder,
  meaning,
  variable,
  preset,
  default: shown,
  hasDefault,
}: SettingDescription) {
  const value = placeholder.startsWith('[') ? placeholder : `<${placeholder}>`;
  const described = new Option(
    `${option} ${value}`,
    hasDefault || shown === undefined ? meaning : `${meaning} (without it: ${shown})`,
  );
  if (hasDefault) described.default(shown, shown);
  if (variable !== undefined) described.env(variable);
  if (preset !== undefined) described.preset(preset);
  return described;
}

/** All settings of a castle that is started from the command line. */
export interface CastleSettings extends ServeSettings {
  readonly log: LogSettings;
}

/**
 * Returns the settings that the command line, the config file and the environment give. Each overrides the next, and all of
 * them override the defaults.
 * @param command the command that was called
 * @throws Failure config when the file is wrong, usage when an option is
 */
export async function settingsOf(command: Command): Promise<CastleSettings> {
  const options = await parseSettings(textsFrom('cli', command));
  const values: SettingValues = {
    ...(await defaultValues()),
    ...(await parseSettings(textsFrom('env', command))),
    ...(await valuesFromFile(command)),
    ...options,
  };
  const {
    snapshotSchedule: schedule,
    snapshotVolumes: includes,
    snapshotKeep: retention,
    logLevel,
    logFormat,
  } = values;
  // A wrong combination is a fault of the command line if that gives a part of it.
  const kindOf = (...names: readonly SettingName[]) =>
    names.some((name) => options[name] !== undefined) ? 'usage' : 'config';
  keepSocketsApart(values.socket, values.plugin, kindOf('socket', 'plugin'));
  const isText = logFormat === 'text' || (logFormat === 'auto' && process.stderr.isTTY === true);
  return {
    ...values,
    dockerSocket: values.dockerSocket ?? engineSocket(values.runtime),
    snapshots: schedule === undefined ? undefined : { ...schedule, includes, retention },
    tls: tlsOf(values, kindOf('listen', 'tlsCert', 'tlsKey', 'tlsClientCa')),
    log: {
      level: logLevel,
      format: isText ? 'text' : 'json',
      isColored: isText && hasColors(process.stderr, process.env),
    },
  };
}

/** Returns the options that were given on the command line (`cli`), or by an environment variable (`env`). */
function textsFrom(source: 'cli' | 'env', command: Command): SettingTexts {
  const texts = castleSettings.flatMap(({ name, key }) => {
    const attribute = key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const text: unknown = command.getOptionValue(attribute);
    return command.getOptionValueSource(attribute) === source ? [[name, text]] : [];
  });
  return Object.fromEntries(texts);
}

async function valuesFromFile(command: Command): Promise<GivenValues> {
  const config: unknown = command.getOptionValue('config');
  if (typeof config !== 'string') return {};
  const file = readPath('--config', config);
  // Loaded only here: the YAML parser takes time to load.
  const { readConfig } = await import('../daemon/config-file.ts');
  return readConfig(file);
}

/**
 * The settings of TLS, which are given together or not at all.
 * @throws Failure of that kind when one is missing
 */
function tlsOf(
  { listen, tlsCert, tlsKey, tlsClientCa }: SettingValues,
  kind: 'usage' | 'config',
): TlsSettings | undefined {
  if (listen === undefined && tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) {
    return undefined;
  }
  if (listen === undefined || tlsCert === undefined || tlsKey === undefined) {
    throw new Failure(
      kind,
      'TLS needs --listen, --tls-cert and --tls-key',
      'give all three, or none of the TLS options',
    );
  }
  return { listen, certFile: tlsCert, keyFile: tlsKey, clientCaFile: tlsClientCa };
}

/** Returns the path of the engine's socket that the engine's own clients use. */
function engineSocket(runtime: string): string {
  return runtime === 'podman'
    ? (unixPath(process.env['CONTAINER_HOST']) ?? '/run/podman/podman.sock')
    : (unixPath(process.env['DOCKER_HOST']) ?? '/var/run/docker.sock');
}

/** Returns the path of a `unix://` address; other addresses are those of engines on other hosts. */
function unixPath(engineHost: string | undefined): string | undefined {
  return engineHost?.startsWith('unix://') ? engineHost.slice('unix://'.length) : undefined;
}
