import { remotingValues } from '../agent/remoting-options.ts';

/** Which of an agent's connections is the one to its controller. */
export interface WayToController {
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
 * @param urls instead of -url
 * @param proxyPorts of the proxies that java may use
 */
export function wayToController(
  args: readonly string[],
  urls: readonly URL[],
  proxyPorts: readonly number[],
): WayToController {
  const urlPorts = (urls.length > 0 ? urls : remotingValues(args, '-url').flatMap(parsed)).map(portOf);
  const direct = portAt(remotingValues(args, '-direct').at(-1));
  if (direct !== undefined) return way([direct, ...proxyPorts], [], `port ${direct} (-direct)`);
  const tunnel = portAt(remotingValues(args, '-tunnel').at(-1));
  if (tunnel !== undefined) return way([tunnel, ...proxyPorts], [], `port ${tunnel} (-tunnel)`);
  if (args.includes('-webSocket') && urlPorts.length > 0)
    return way([...urlPorts, ...proxyPorts], [], `port ${[...new Set(urlPorts)].join(' or ')} (-webSocket)`);
  return way([], urlPorts, 'the port that the controller advertises');
}

const way = (ports: readonly number[], otherPorts: readonly number[], name: string): WayToController => ({
  ports: new Set(ports),
  otherPorts: new Set(otherPorts),
  name,
});

function parsed(url: string): URL[] {
  try {
    return [new URL(url)];
  } catch {
    return []; // agent.jar will say so
  }
}

const portOf = ({ port, protocol }: URL): number =>
  port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);

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
