import { Failure } from '../../terminal/failure.ts';
import { quoted } from '../../terminal/quoted.ts';
import { serviceLinks } from './kubernetes-and-docker-links.ts';
import { marathon } from './marathon.ts';
import { nomad } from './nomad.ts';
import { type Address, type Environment, portNumber, type Scheduler } from './scheduler.ts';

/**
 * The schedulers whose variables are read. Docker Swarm is missing because it sets no variables; it only expands templates
 * in the variables of a service.
 */
const schedulers: readonly Scheduler[] = [marathon, nomad, serviceLinks];

/** The address to advertise, and the setting that contains it. */
export interface AdvertiseSetting {
  readonly value: string;
  /** The name of the option or variable. */
  readonly name: string;
  readonly kind: 'usage' | 'config';
}

/** Reads --advertise, else BAILEY_ADVERTISE; undefined when neither is set. */
export function readAdvertiseSetting(
  options: ReadonlyMap<string, string>,
  env: Environment,
): AdvertiseSetting | undefined {
  const option = options.get('--advertise');
  if (option !== undefined) return { value: option, name: '--advertise', kind: 'usage' };
  const variable = env['BAILEY_ADVERTISE'];
  return variable ? { value: variable, name: 'BAILEY_ADVERTISE', kind: 'config' } : undefined;
}

/**
 * Returns the address that agents connect to: the configured one, or with `auto` the only one found in the variables that
 * schedulers set.
 * @param role `controller`: finds the address of this controller; `agent`: finds the address of the agent's controller
 * @param port the controller's port for agents, if it is fixed
 * @throws Failure 64 or 78 for a wrong address, 78 when the environment contains none, or more than one
 */
export function findAdvertisedAddress(
  role: 'controller' | 'agent',
  setting: AdvertiseSetting,
  env: Environment,
  port: number | undefined,
): Address {
  if (setting.value !== 'auto') return parseAddress(setting);
  const found = schedulers.flatMap((scheduler) =>
    role === 'controller' ? scheduler.controllerAddresses(env, port) : scheduler.agentAddresses(env, port),
  );
  const [first, ...others] = distinct(found.filter(({ host }) => hostPattern.test(host)));
  if (first === undefined) throw noAddressFailure(role, setting, port);
  if (others.length === 0) return first;
  const all = [first, ...others].map((address) => `${formatAddress(address)} (${address.source})`);
  throw new Failure(
    'config',
    `${setting.name} auto found more than one address: ${all.join(', ')}`,
    `choose one: ${setting.name}=HOST:PORT`,
  );
}

/** HOST:PORT, with brackets around an IPv6 address. */
export const formatAddress = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** A name that DNS or Docker accepts, an IPv4 address, or an IPv6 address without brackets. */
const hostPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/;

function parseAddress({ value, name, kind }: AdvertiseSetting): Address {
  const [, bracketed, plain, number] = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(value) ?? [];
  const host = bracketed ?? plain;
  const port = portNumber(number);
  if (host === undefined || port === undefined || !hostPattern.test(host))
    throw new Failure(
      kind,
      `${name} ${quoted(value)} is not an address`,
      'write auto, or HOST:PORT with the address from the scheduler',
    );
  return { host, port, source: name };
}

/** Removes duplicates: several variables may contain the same address, and the first of them is kept. */
function distinct(addresses: readonly Address[]): Address[] {
  const byText = new Map<string, Address>();
  for (const address of addresses) {
    const text = formatAddress(address);
    if (!byText.has(text)) byText.set(text, address);
  }
  return [...byText.values()];
}

function noAddressFailure(
  role: 'controller' | 'agent',
  { name }: AdvertiseSetting,
  port: number | undefined,
): Failure {
  const searched = schedulers
    .filter(({ searchedVariables }) => searchedVariables[role] !== '')
    .map(
      (scheduler) =>
        `${scheduler.name}: ${scheduler.searchedVariables[role].replaceAll('<port>', String(port ?? 'PORT'))}`,
    );
  return new Failure(
    'config',
    `${name} auto found no address in the environment (searched variables: ${searched.join('; ')})`,
    `give the address: ${name}=HOST:PORT`,
  );
}
