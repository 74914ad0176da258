/** An option of agent.jar, as its own parser has it (jenkinsci/remoting, hudson.remoting.Launcher). */
export interface RemotingOption {
  /** Whether the next word is its value. */
  readonly takesValue: boolean;
  /** Its value is nobody else's business. */
  readonly isSecret?: true;
  /** Options that cannot stand beside it. */
  readonly excludes?: readonly string[];
  /** An option that it is nothing without. */
  readonly needs?: string;
  /** What to use instead of it. */
  readonly insteadUse?: string;
}

const flag = { takesValue: false } as const;
const value = { takesValue: true } as const;
const secret = { takesValue: true, isSecret: true } as const;

const options: Readonly<Record<string, RemotingOption>> = {
  '-agentLog': value,
  '-auth': { ...secret, insteadUse: '-credentials or -proxyCredentials' },
  '-cert': { ...value, excludes: ['-noCertificateCheck'] },
  '-connectTo': { ...value, insteadUse: '-url' },
  '-credentials': secret,
  '-direct': { ...value, excludes: ['-url', '-tunnel'], needs: '-instanceIdentity' },
  '-failIfWorkDirIsMissing': { ...flag, needs: '-workDir' },
  '-headless': { ...flag, insteadUse: 'nothing: an agent always is' },
  '-help': flag,
  '-instanceIdentity': { ...value, needs: '-direct' },
  '-internalDir': { ...value, needs: '-workDir' },
  '-jar-cache': value,
  '-jnlpUrl': {
    ...value,
    excludes: ['-direct', '-name', '-tunnel', '-url', '-webSocket'],
    insteadUse: '-url and -name',
  },
  '-loggingConfig': value,
  '-name': value,
  '-noCertificateCheck': flag,
  '-noKeepAlive': flag,
  '-noReconnect': flag,
  '-noReconnectAfter': { ...value, excludes: ['-noReconnect'] },
  '-ping': { ...flag, insteadUse: 'nothing: an agent always does' },
  '-protocols': { ...value, needs: '-direct' },
  '-proxyCredentials': secret,
  '-secret': secret,
  '-tcp': { ...value, insteadUse: '-url' },
  '-text': flag,
  '-tunnel': value,
  '-url': value,
  '-version': flag,
  '-webSocket': {
    ...flag,
    excludes: ['-direct', '-tunnel', '-credentials', '-noKeepAlive'],
    needs: '-url',
  },
  '-webSocketHeader': { ...secret, needs: '-webSocket' }, // often the credentials for a proxy in between
  '-workDir': value,
};

const aliases: Readonly<Record<string, string>> = {
  '-directConnection': '-direct',
  '-disableHttpsCertValidation': '-noCertificateCheck',
  '-jnlpCredentials': '-credentials',
  '-noreconnect': '-noReconnect',
};

/** The name under which an option is known here. */
export const canonicalName = (name: string): string =>
  Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;

/** An option of agent.jar; undefined when there is none of that name as far as we know. */
export const optionNamed = (name: string): RemotingOption | undefined =>
  Object.hasOwn(options, name) ? options[name] : undefined;

/** The option that somebody may have meant: the same letters, whatever their case and the number of dashes. */
export function similarOption(name: string): string | undefined {
  const plain = (text: string): string => text.replace(/^-+/, '-').toLowerCase();
  return Object.keys(options).find((known) => plain(known) === plain(name));
}
