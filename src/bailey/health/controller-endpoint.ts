/** Where a controller listens, or why that cannot be said. */
export type Endpoint = { readonly url: URL } | { readonly fault: string };

/**
 * Where a controller answers, by the options that its java really runs with (jenkinsci/winstone, Option.java): the last
 * one of a name counts, one without a value is `true`, and a port of -1 is none.
 * @param args what stands behind jenkins.war
 * @returns the root of the controller: the context path with a slash at its end
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
      fault: `which port Jenkins listens on cannot be told from ${isHttp ? '--httpPort' : '--httpsPort'}=${port}`,
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

/** An address to reach ourselves at; who listens on all of them is there too. */
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
