/** An option of agent.jar, as declared in jenkinsci/remoting, hudson.remoting.Launcher. */
export interface RemotingOption {
  /** Whether the next word is its value. */
  readonly takesValue: boolean;
  /** Whether its value is a secret that must not appear in messages. */
  readonly isSecret?: true;
  /** Options that cannot be combined with it. */
  readonly conflictsWith?: readonly string[];
  /** The option without which it is rejected. */
  readonly requires?: string;
  /** For a deprecated option: its replacement. */
  readonly replacement?: string;
}

const flag = { takesValue: false } as const;
const value = { takesValue: true } as const;
const secret = { takesValue: true, isSecret: true } as const;

const options: Readonly<Record<string, RemotingOption>> = {
  '-agentLog': value,
  '-auth': { ...secret, replacement: '-credentials or -proxyCredentials' },
  '-cert': { ...value, conflictsWith: ['-noCertificateCheck'] },
  '-connectTo': { ...value, replacement: '-url' },
  '-credentials': secret,
  '-direct': { ...value, conflictsWith: ['-url', '-tunnel'], requires: '-instanceIdentity' },
  '-failIfWorkDirIsMissing': { ...flag, requires: '-workDir' },
  '-headless': { ...flag, replacement: 'nothing: an agent always is' },
  '-help': flag,
  '-instanceIdentity': { ...value, requires: '-direct' },
  '-internalDir': { ...value, requires: '-workDir' },
  '-jar-cache': value,
  '-jnlpUrl': {
    ...value,
    conflictsWith: ['-direct', '-name', '-tunnel', '-url', '-webSocket'],
    replacement: '-url and -name',
  },
  '-loggingConfig': value,
  '-name': value,
  '-noCertificateCheck': flag,
  '-noKeepAlive': flag,
  '-noReconnect': flag,
  '-noReconnectAfter': { ...value, conflictsWith: ['-noReconnect'] },
  '-ping': { ...flag, replacement: 'nothing: an agent always does' },
  '-protocols': { ...value, requires: '-direct' },
  '-proxyCredentials': secret,
  '-secret': secret,
  '-tcp': { ...value, replacement: '-url' },
  '-text': flag,
  '-tunnel': value,
  '-url': value,
  '-version': flag,
  '-webSocket': {
    ...flag,
    conflictsWith: ['-direct', '-tunnel', '-credentials', '-noKeepAlive'],
    requires: '-url',
  },
  '-webSocketHeader': { ...secret, requires: '-webSocket' }, // often the credentials for a proxy in between
  '-workDir': value,
};

const aliases: Readonly<Record<string, string>> = {
  '-directConnection': '-direct',
  '-disableHttpsCertValidation': '-noCertificateCheck',
  '-jnlpCredentials': '-credentials',
  '-noreconnect': '-noReconnect',
};

/** Resolves an alias of an option. */
export const canonicalName = (name: string): string =>
  Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;

/** Returns the known option of this name. */
export const findRemotingOption = (name: string): RemotingOption | undefined =>
  Object.hasOwn(options, name) ? options[name] : undefined;

/** Returns the known option that differs only in letter case or the number of dashes. */
export function similarOption(name: string): string | undefined {
  const plain = (text: string): string => text.replace(/^-+/, '-').toLowerCase();
  return Object.keys(options).find((known) => plain(known) === plain(name));
}
