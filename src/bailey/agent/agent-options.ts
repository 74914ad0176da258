import { readDuration } from '../../terminal/duration.ts';
import { Failure } from '../../terminal/failure.ts';
import { quoted } from '../../terminal/quoted.ts';
import { takeLeadingOptions } from '../launch/leading-options.ts';
import { type AdvertiseSetting, readAdvertiseSetting } from '../scheduler/advertised-address.ts';
import { agentOptions } from './settings.ts';

/** The options of `bailey agent` itself. */
export interface AgentOptions {
  /** Whether to check the controller before java starts. */
  readonly preflight: boolean;
  /** How long to wait for the controller, in milliseconds. Default (undefined): as long as agent.jar would wait. */
  readonly connectTimeoutMs: number | undefined;
  /** The value of --advertise or BAILEY_ADVERTISE; undefined when neither is set. */
  readonly advertise: AdvertiseSetting | undefined;
}

/**
 * Takes bailey's own options from the front of the arguments; agent.jar has no options with two dashes. An option
 * overrides its variable; an empty variable counts as not set.
 * @returns the options, and the arguments of agent.jar or of another program
 * @throws Failure 64 for a wrong option, 78 for a wrong variable
 */
export function readAgentOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { readonly options: AgentOptions; readonly rest: readonly string[] } {
  const { options, rest } = takeLeadingOptions('agent', agentOptions, args);
  return {
    options: {
      preflight: !options.has('--no-preflight') && readSwitch('BAILEY_PREFLIGHT', env['BAILEY_PREFLIGHT']),
      connectTimeoutMs: readConnectTimeout(options.get('--connect-timeout'), env['BAILEY_CONNECT_TIMEOUT']),
      advertise: readAdvertiseSetting(options, env),
    },
    rest,
  };
}

function readConnectTimeout(option: string | undefined, variable: string | undefined): number | undefined {
  if (option !== undefined) return readDuration('--connect-timeout', option, 'usage');
  return variable ? readDuration('BAILEY_CONNECT_TIMEOUT', variable) : undefined;
}

function readSwitch(name: string, value: string | undefined): boolean {
  if (!value || value === 'on') return true;
  if (value === 'off') return false;
  throw new Failure(
    'config',
    `${name} ${quoted(value)} is neither on nor off`,
    'set it to off, or remove it',
  );
}
