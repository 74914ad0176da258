import { Failure } from '../../terminal/failure.ts';
import { quoted } from '../../terminal/quoted.ts';
import { marathon } from './marathon.ts';
import { nomad } from './nomad.ts';
import { type Address, type Environment, portNumber, type Scheduler } from './scheduler.ts';
import { serviceLinks } from './service-links.ts';

/** Docker Swarm is none of them: it sets no variables, but fills in the templates of those that people set. */
const schedulers: readonly Scheduler[] = [marathon, nomad, serviceLinks];

/** What is to be advertised, and who said so. */
export interface AdvertiseSetting {
  readonly value: string;
  /** The option, or the variable. */
  readonly name: string;
  readonly kind: 'usage' | 'config';
}

/** --advertise, or else BAILEY_ADVERTISE; nothing when neither is set. */
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
 * The address that agents are to connect to: the one that is given, or with `auto` the only one that the scheduler's
 * variables give.
 * @param role who asks: a controller for its own address, an agent for its controller's
 * @param port the controller's port for agents, when that is fixed
 * @throws Failure 64 or 78 for what is not an address, 78 when there is none in the environment, or more than one
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
    `say which one: ${setting.name}=HOST:PORT`,
  );
}

/** HOST:PORT as people write it. */
export const formatAddress = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Names as DNS and Docker have them, IPv4, or IPv6 without brackets. */
const hostPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/;

function parseAddress({ value, name, kind }: AdvertiseSetting): Address {
  const [, bracketed, plain, number] = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(value) ?? [];
  const host = bracketed ?? plain;
  const port = portNumber(number);
  if (host === undefined || port === undefined || !hostPattern.test(host))
    throw new Failure(
      kind,
      `${name} ${quoted(value)} is not an address`,
      'write auto, or HOST:PORT with what the scheduler fills in',
    );
  return { host, port, source: name };
}

/** Two services may be named by two variables each. */
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
    `${name} auto found no address in the environment (looked for ${searched.join('; ')})`,
    `give it: ${name}=HOST:PORT`,
  );
}
