import { portOf } from '../../protocol/address.ts';
import { argumentsNamed, hasOption, lastValue, parseArguments } from '../agent/remoting/parse-arguments.ts';

/** How to recognize an agent's connection to its controller by the remote port. */
export interface ControllerPorts {
  /** Remote ports of the controller; empty when the port is known only from the controller's advertisement over HTTP. */
  readonly ports: ReadonlySet<number>;
  /** Remote ports that do not count: agent.jar polls them over HTTP for the controller and its advertised port. */
  readonly otherPorts: ReadonlySet<number>;
  /** For messages. */
  readonly name: string;
}

/**
 * Determines the controller's ports from the options of a running agent.jar: those of -direct, else of -tunnel, else with
 * -webSocket those of -url; without any of them the controller advertises its port over HTTP. Host names are not resolved,
 * because a connection outlives a change of the controller's address in DNS. With a proxy, the connection is to the proxy.
 * @param args the arguments after agent.jar
 * @param urls configured URLs of the controller; if there are any, only their ports count
 * @param proxyPorts the ports of the proxies that java may use
 */
export function readControllerPorts(
  args: readonly string[],
  urls: readonly URL[],
  proxyPorts: readonly number[],
): ControllerPorts {
  const through = (ports: readonly number[], option: string): ControllerPorts => ({
    ports: new Set([...ports, ...proxyPorts]),
    otherPorts: new Set(),
    name: `port ${[...new Set(ports)].join(' or ')} (${option})`,
  });
  const items = parseArguments(args.map((text) => ({ text, from: '' })));
  if (urls.length > 0) return through(urls.map(portOf), '--url');
  for (const option of ['-direct', '-tunnel']) {
    const port = portOfAddress(lastValue(items, option));
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
    return []; // agent.jar reports the error
  }
}

/** Returns the port of HOST:PORT or :PORT; undefined for `HOST:`. */
function portOfAddress(address: string | undefined): number | undefined {
  const [, port] = /:(\d{1,5})$/.exec(address ?? '') ?? [];
  return port === undefined ? undefined : Number(port);
}

/**
 * Returns the ports of the proxies that an agent's java may connect through: http_proxy, which agent.jar reads, and java's own
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
