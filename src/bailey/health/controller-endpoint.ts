/** The root URL of a controller, or the reason why it cannot be determined. */
export type Endpoint = { readonly url: URL } | { readonly fault: string };

/**
 * Derives the root URL of a controller from the options of its java process (jenkinsci/winstone, Option.java): the last
 * occurrence of an option counts, an option without a value is `true`, and port -1 means none.
 * @param args the arguments after jenkins.war
 * @returns the URL with the context path and a slash at its end
 */
export function controllerEndpoint(args: readonly string[]): Endpoint {
  const options = winstoneOptions(args);
  const httpPort = options.get('httpPort') ?? '8080';
  const httpsPort = options.get('httpsPort') ?? '-1';
  const redirects = /^(true|yes)$/i.test(options.get('httpsRedirectHttp') ?? '');
  const isHttp = httpPort !== '-1' && !(redirects && httpsPort !== '-1');
  const port = isHttp ? httpPort : httpsPort;
  if (port === '-1') return { fault: 'Jenkins listens on no TCP port (--httpPort=-1 and no --httpsPort)' };
  if (!/^[1-9][0-9]{0,4}$/.test(port) || Number(port) > 65_535)
    return {
      fault: `cannot determine the port of Jenkins from ${isHttp ? '--httpPort' : '--httpsPort'}=${port}`,
    };
  const host = ownAddress(options.get(isHttp ? 'httpListenAddress' : 'httpsListenAddress'));
  const path = (options.get('prefix') ?? '').replace(/^\/*|\/*$/g, '');
  try {
    return {
      url: new URL(`${isHttp ? 'http' : 'https'}://${host}:${port}/${path === '' ? '' : `${path}/`}`),
    };
  } catch {
    return { fault: `Jenkins listens on ${host}, which is not an address` };
  }
}

/** Returns the address at which this host reaches a listener: loopback for a listener on all addresses. */
function ownAddress(listening: string | undefined): string {
  if (listening === undefined || listening === '' || listening === '0.0.0.0') return '127.0.0.1';
  if (!listening.includes(':')) return listening;
  const bare = listening.replace(/^\[|\]$/g, '');
  return bare === '::' ? '127.0.0.1' : `[${bare}]`;
}

function winstoneOptions(args: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const arg of args) {
    const [, name, value = 'true'] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name !== undefined) options.set(name, value);
  }
  return options;
}
