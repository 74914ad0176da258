import { readDuration } from '../../terminal/duration.ts';
import { Failure } from '../../terminal/failure.ts';
import { shown } from '../../terminal/shown.ts';
import { type OwnOptions, takeOwnOptions } from '../launch/own-options.ts';
import { type AdvertiseSetting, advertiseOption, advertiseSetting } from '../scheduler/advertise.ts';

/** What `bailey agent` itself is told; the rest of the arguments is agent.jar's. */
export interface AgentSettings {
  /** Whether to look for the controller before java starts. */
  readonly preflight: boolean;
  /** How long to wait for the controller, in milliseconds; undefined: as long as agent.jar would. */
  readonly connectTimeoutMs: number | undefined;
  /** Where the scheduler has the controller. */
  readonly advertise: AdvertiseSetting | undefined;
}

/** Our own options: they stand before agent.jar's, and begin with two dashes, which none of those does. */
const known: OwnOptions = {
  '--connect-timeout': 'value',
  '--no-preflight': 'flag',
  ...advertiseOption,
};

/**
 * Takes our own options from the front of the arguments. Each says more than its variable; an empty variable counts as
 * not set.
 * @returns the settings, and the arguments that are agent.jar's or another program's
 * @throws Failure 64 for an option, 78 for a variable that cannot be understood
 */
export function readOwnOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { readonly settings: AgentSettings; readonly rest: readonly string[] } {
  const { options, rest } = takeOwnOptions('agent', known, args);
  return {
    settings: {
      preflight: !options.has('--no-preflight') && isOn('BAILEY_PREFLIGHT', env['BAILEY_PREFLIGHT']),
      connectTimeoutMs: connectTimeout(options.get('--connect-timeout'), env['BAILEY_CONNECT_TIMEOUT']),
      advertise: advertiseSetting(options, env),
    },
    rest,
  };
}

function connectTimeout(option: string | undefined, variable: string | undefined): number | undefined {
  if (option !== undefined) return readDuration('--connect-timeout', option, 'usage');
  return variable ? readDuration('BAILEY_CONNECT_TIMEOUT', variable) : undefined;
}

function isOn(name: string, value: string | undefined): boolean {
  if (!value || value === 'on') return true;
  if (value === 'off') return false;
  throw new Failure('config', `${name} ${shown(value)} is neither on nor off`, 'write off, or leave it out');
}
