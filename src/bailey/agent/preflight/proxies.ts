/**
 * Options that make java's connections differ from ours: proxies, its own host names file, or a client certificate.
 */
const networkProperties =
  /^-D((?:https?\.p|socksP)roxyHost|java\.net\.useSystemProxies|jdk\.net\.hosts\.file|javax\.net\.ssl\.keyStore)=./;

/** Returns the first such option in java's arguments or in the variables from which it reads options. */
export function javaNetworkOverride(
  javaOptions: readonly string[],
  env: Readonly<NodeJS.ProcessEnv>,
): string | undefined {
  const fromVariables = ['JAVA_TOOL_OPTIONS', 'JDK_JAVA_OPTIONS', '_JAVA_OPTIONS'].flatMap((variable) =>
    (env[variable] ?? '').split(/[\s"']+/),
  );
  for (const option of [...javaOptions, ...fromVariables]) {
    const [, property] = networkProperties.exec(option) ?? [];
    if (property !== undefined) return `-D${property}`;
  }
  return undefined;
}

/**
 * Whether agent.jar may use the proxy of http_proxy for a host, over http:// or for the agent port, by the rules of
 * hudson.remoting.NoProxyEvaluator. True in doubt.
 */
export function mayGoThroughProxy(host: string, env: Readonly<NodeJS.ProcessEnv>): boolean {
  if (env['http_proxy'] === undefined || isLoopback(host)) return false;
  const exceptions = (env['no_proxy'] ?? env['NO_PROXY'] ?? '').trim().split(/[,|]/);
  return !exceptions.some((exception) => {
    const plain = exception.trim().replace(/^\.|^\*\./, '');
    return plain !== '' && (isAddress(host) ? host === plain : host.endsWith(plain));
  });
}

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[?::1\]?)$/i.test(host);
const isAddress = (host: string): boolean => /^\d+(\.\d+){3}$|:/.test(host);
