import { portOf } from '../../protocol/address.ts';
import { argumentsNamed, hasOption, lastValue, parseArguments } from '../agent/remoting/parse-arguments.ts';

/** Which of an agent's connections is the one to its controller. */
export interface ControllerPorts {
  /** Ports at the other end that are its; empty when only the controller knows (it advertises one). */
  readonly ports: ReadonlySet<number>;
  /** Ports that are not: agent.jar asks there by HTTP whether the controller is back, and on which port. */
  readonly otherPorts: ReadonlySet<number>;
  /** For people. */
  readonly name: string;
}

/**
 * How an agent reaches its controller, by the options that its agent.jar really runs with: -direct, then the port of
 * -tunnel, then -webSocket, which goes to the port of -url; without any of them the controller says the port over HTTP.
 * Names are not looked up: an agent's connection outlives its controller's address in the DNS. Where a proxy is set, the
 * connection goes there.
 * @param args what stands behind agent.jar
 * @param asked what somebody says instead: its ports and no others
 * @param proxyPorts of the proxies that java may use
 */
export function readControllerPorts(
  args: readonly string[],
  asked: readonly URL[],
  proxyPorts: readonly number[],
): ControllerPorts {
  const through = (ports: readonly number[], option: string): ControllerPorts => ({
    ports: new Set([...ports, ...proxyPorts]),
    otherPorts: new Set(),
    name: `port ${[...new Set(ports)].join(' or ')} (${option})`,
  });
  const items = parseArguments(args.map((text) => ({ text, from: '' })));
  if (asked.length > 0) return through(asked.map(portOf), '--url');
  for (const option of ['-direct', '-tunnel']) {
    const port = portAt(lastValue(items, option));
    if (port !== undefined) return through([port], option);
  }
  const urlPorts = argumentsNamed(items, '-url')
    .flatMap(({ value }) => parsed(value ?? ''))
    .map(portOf);
  if (hasOption(items, '-webSocket') && urlPorts.length > 0) return through(urlPorts, '-webSocket');
  return { ports: new Set(), otherPorts: new Set(urlPorts), name: 'the port that the controller advertises' };
}

function parsed(url: string): URL[] {
  try {
    return [new URL(url)];
  } catch {
    return []; // agent.jar will say so
  }
}

/** The port of HOST:PORT or :PORT; `HOST:` has none. */
function portAt(address: string | undefined): number | undefined {
  const [, port] = /:(\d{1,5})$/.exec(address ?? '') ?? [];
  return port === undefined ? undefined : Number(port);
}

/**
 * The ports of the proxies that an agent's java may connect through: http_proxy, which agent.jar reads, and java's own
 * properties with their defaults.
 */
export function proxyPorts(javaOptions: readonly string[], httpProxy: string | undefined): number[] {
  const property = (name: string): string | undefined =>
    javaOptions.findLast((option) => option.startsWith(`-D${name}=`))?.slice(name.length + 3);
  const named = [
    { host: property('http.proxyHost'), port: property('http.proxyPort') ?? '80' },
    { host: property('https.proxyHost'), port: property('https.proxyPort') ?? '443' },
    { host: property('socksProxyHost'), port: property('socksProxyPort') ?? '1080' },
  ].flatMap(({ host, port }) => (host ? [Number(port)] : []));
  const [url] = httpProxy ? parsed(httpProxy) : [];
  return url === undefined ? named : [...named, portOf(url)];
}
