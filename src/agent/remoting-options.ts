/** The options of agent.jar (jenkinsci/remoting, hudson.remoting.Launcher) that take a value. */
const withValue: ReadonlySet<string> = new Set([
  '-agentLog',
  '-cert',
  '-connectTo',
  '-credentials',
  '-direct',
  '-instanceIdentity',
  '-internalDir',
  '-jar-cache',
  '-jar-cache-size',
  '-loggingConfig',
  '-name',
  '-noReconnectAfter',
  '-protocols',
  '-proxyCredentials',
  '-secret',
  '-tcp',
  '-tunnel',
  '-url',
  '-webSocketHeader',
  '-workDir',
]);

/** Arguments of agent.jar, told apart. */
export interface RemotingArguments {
  /** The names of the options, with their dash. */
  readonly options: ReadonlySet<string>;
  /** What belongs to no option: the secret and the name, in this order. */
  readonly positional: readonly string[];
}

/** Tells options, their values and positional arguments apart, as agent.jar does: a value is never taken for an option. */
export function parseRemotingArguments(args: readonly string[]): RemotingArguments {
  const options = new Set<string>();
  const positional: string[] = [];
  const rest = args.values();
  for (const arg of rest) {
    if (!arg.startsWith('-') || arg === '-') positional.push(arg);
    else {
      options.add(arg);
      if (withValue.has(arg)) rest.next();
    }
  }
  return { options, positional };
}

/**
 * Two options that exclude each other, or undefined.
 * agent.jar says so too, but it ends with 0, which an engine takes for success.
 */
export function findConflict(options: ReadonlySet<string>): readonly [string, string] | undefined {
  return conflicts.find(([one, other]) => options.has(one) && options.has(other));
}

const conflicts: readonly (readonly [string, string])[] = [
  ['-webSocket', '-direct'],
  ['-webSocket', '-tunnel'],
  ['-webSocket', '-credentials'],
  ['-webSocket', '-noKeepAlive'],
  ['-noReconnectAfter', '-noReconnect'],
];

/** The values that an option of agent.jar is given, in order; -url may be given several times. */
export function remotingValues(args: readonly string[], option: string): readonly string[] {
  const values: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (!withValue.has(arg)) continue;
    const value = args[++at];
    if (arg === option && value !== undefined) values.push(value);
  }
  return values;
}
