/**
 * Options with which java reaches hosts otherwise than we do: through proxies, with names of its own, or with a
 * certificate to show to them.
 */
const networkProperties =
  /^-D((?:https?\.p|socksP)roxyHost|java\.net\.useSystemProxies|jdk\.net\.hosts\.file|javax\.net\.ssl\.keyStore)=./;

/** What of java's options, or of the variables that it reads options from, sends it another way than ours. */
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
 * Whether agent.jar may go through the proxy of http_proxy to a host; it does so for http:// and for the agent port, by
 * rules of its own (hudson.remoting.NoProxyEvaluator). In doubt it may.
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
