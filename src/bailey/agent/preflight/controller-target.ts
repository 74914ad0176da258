import { readFileSync } from 'node:fs';
import { type HostPort, readHostPort } from '../remoting/option-values.ts';
import { argumentsNamed, hasOption, lastValue, type ParsedArgument } from '../remoting/parse-arguments.ts';
import { isInbound } from '../remoting/validate-arguments.ts';
import { javaNetworkOverride, mayGoThroughProxy } from './proxies.ts';

/** How agent.jar will reach the controller, as far as it can be checked here. */
export type ControllerTarget =
  | {
      readonly kind: 'controller';
      /** In the order in which agent.jar tries them. */
      readonly urls: readonly URL[];
      readonly webSocket: boolean;
      readonly tunnel: HostPort | undefined;
      readonly trust: TlsTrust;
      /** Sent with every request, for proxies in front of the controller. */
      readonly headers: Readonly<Record<string, string>>;
      /**
       * Whether java may reach a host through a proxy. If so, a direct connection would prove nothing, and the check is
       * skipped.
       */
      readonly mayGoThroughProxy: (host: string) => boolean;
    }
  /** Only the agent port: -direct. */
  | {
      readonly kind: 'port';
      readonly host: string;
      readonly port: number;
      readonly mayGoThroughProxy: (host: string) => boolean;
    }
  /** The connection cannot be checked; `reason`, if present, must be logged. */
  | { readonly kind: 'unknown'; readonly reason?: string };

/** Which certificates to accept. */
export interface TlsTrust {
  /** Those of -cert, PEM. */
  readonly ca?: string;
  /** -noCertificateCheck */
  readonly anyCertificate: boolean;
}

/** @param javaOptions all options of java, which may configure a proxy */
export function readTarget(
  items: readonly ParsedArgument[],
  javaOptions: readonly string[],
  env: Readonly<NodeJS.ProcessEnv>,
): ControllerTarget {
  if (
    !isInbound(items) ||
    hasOption(items, '-jnlpUrl') ||
    hasOption(items, '-help') ||
    hasOption(items, '-version')
  )
    return { kind: 'unknown' };
  const networkOverride = javaNetworkOverride(javaOptions, env);
  if (networkOverride !== undefined)
    return { kind: 'unknown', reason: `java uses its own network settings: ${networkOverride}` };

  const { host, port } = readHostPort(lastValue(items, '-direct') ?? '') ?? {};
  if (host !== undefined && port !== undefined)
    return { kind: 'port', host, port, mayGoThroughProxy: (name) => mayGoThroughProxy(name, env) };

  const target = readControllerTarget(items, env);
  // A URL that only java can parse cannot be checked.
  return target.urls.length === argumentsNamed(items, '-url').length ? target : { kind: 'unknown' };
}

/** Returns the controller of -url, with the options for the connection. */
export function readControllerTarget(
  items: readonly ParsedArgument[],
  env: Readonly<NodeJS.ProcessEnv>,
): Extract<ControllerTarget, { kind: 'controller' }> {
  return {
    kind: 'controller',
    urls: argumentsNamed(items, '-url').flatMap(({ value = '' }) => parseUrl(value) ?? []),
    webSocket: hasOption(items, '-webSocket'),
    tunnel: readHostPort(lastValue(items, '-tunnel') ?? ''),
    trust: readTrust(items),
    headers: readHeaders(items),
    mayGoThroughProxy: (name) => mayGoThroughProxy(name, env),
  };
}

/** Adds a slash at the end, so that paths can be appended. */
function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text.endsWith('/') ? text : `${text}/`);
  } catch {
    return undefined;
  }
}

/** A certificate that cannot be read is skipped: agent.jar reports it and continues without. */
function readTrust(items: readonly ParsedArgument[]): TlsTrust {
  const certificates = argumentsNamed(items, '-cert').flatMap(({ value = '' }) => {
    if (!value.startsWith('@')) return [value];
    try {
      return [readFileSync(value.slice(1), 'utf8')];
    } catch {
      return [];
    }
  });
  return {
    anyCertificate: hasOption(items, '-noCertificateCheck'),
    ...(certificates.length === 0 ? {} : { ca: certificates.join('\n') }),
  };
}

function readHeaders(items: readonly ParsedArgument[]): Record<string, string> {
  const headers = argumentsNamed(items, '-webSocketHeader').flatMap(({ value = '' }): [string, string][] => {
    const [, name, text] = /^([^=]+)=([\t\x20-\x7e]*)$/.exec(value) ?? [];
    return name !== undefined && text !== undefined && /^[\w!#$%&'*+.^`|~-]+$/.test(name)
      ? [[name, text]]
      : [];
  });
  const credentials = lastValue(items, '-credentials');
  if (credentials !== undefined)
    headers.push(['Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`]);
  return Object.fromEntries(headers);
}
