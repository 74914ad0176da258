import { isIP } from 'node:net';
import { Failure } from '../../../terminal/failure.ts';
import { checkRepeatedOptions } from '../check-repeated-options.ts';

/** The server, the folder and the mount options of an export. */
export interface NfsSettings {
  /** The name or address of the server; an IPv6 address is in brackets. */
  readonly host: string;
  /** The folder on the server that contains the volumes, an absolute path. */
  readonly path: string;
  /** The options of each mount, as in nfs(5); `vers=` is always among them. */
  readonly options: readonly string[];
}

/** The default port of NFS 4; RFC 8881. */
export const defaultPort = 2049;

/**
 * The accepted options of nfs(5), each with the pattern of its value; an option without a pattern takes no value. The castle
 * itself sets the options that name the server (`addr=`, `clientaddr=`) and those that claims depend on (`sharecache`).
 */
const known: Readonly<Record<string, RegExp | undefined>> = {
  vers: /^4\.[12]$/,
  sec: /^sys$/,
  proto: /^tcp6?$/,
  port: /^[1-9]\d{0,4}$/,
  nconnect: /^([1-9]|1[0-6])$/,
  timeo: /^[1-9]\d{0,4}$/,
  retrans: /^\d{1,3}$/,
  rsize: /^[1-9]\d{0,7}$/,
  wsize: /^[1-9]\d{0,7}$/,
  acregmin: /^\d{1,5}$/,
  acregmax: /^\d{1,5}$/,
  acdirmin: /^\d{1,5}$/,
  acdirmax: /^\d{1,5}$/,
  actimeo: /^\d{1,5}$/,
  lookupcache: /^(all|pos|positive|none)$/,
  hard: undefined,
  soft: undefined,
  softerr: undefined,
  noac: undefined,
  nocto: undefined,
  noresvport: undefined,
  resvport: undefined,
};

/**
 * Reads `HOST:/EXPORT[,OPTION[=VALUE]…]`. Version 4.1 is the minimum: its sessions execute each request exactly once,
 * however often it is sent (RFC 8881, 2.10.6), and claims depend on that; version 3 would need rpcbind and statd too.
 * @throws Failure usage
 */
export function parseNfs(setting: string): NfsSettings {
  const [where = '', ...options] = setting.split(',');
  const [, host = '', path = ''] = /^(\[[0-9a-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*):(\/.*)$/i.exec(where) ?? [];
  if (path === '' || (host.startsWith('[') && isIP(host.slice(1, -1)) !== 6)) {
    throw wrong(
      `${JSON.stringify(where)} is not an export`,
      'use nfs=HOST:/EXPORT, with an IPv6 address in brackets',
    );
  }
  const clean = path.replace(/\/+$/, '') || '/';
  if (/[\x00-\x1f\x7f\\]|\/\/|\/\.{1,2}(\/|$)/.test(clean)) {
    throw wrong(
      `the export ${JSON.stringify(path)} is not a path in its shortest form`,
      'write it as the server exports it',
    );
  }
  for (const option of options) checkOption(option);
  checkRepeatedOptions(options);
  const version = options.some((option) => option.startsWith('vers=')) ? [] : ['vers=4.2'];
  return { host, path: clean, options: [...version, ...options] };
}

function checkOption(option: string): void {
  const [name = '', ...rest] = option.split('=');
  const value = rest.length === 0 ? undefined : rest.join('=');
  if (Object.hasOwn(known, name)) {
    const pattern = known[name];
    if (pattern === undefined ? value === undefined : pattern.test(value ?? '')) return;
  }
  const remedy =
    name === 'vers' || name === 'nfsvers'
      ? 'use vers=4.2 or vers=4.1'
      : `use one of ${Object.keys(known).join(', ')}, as in nfs(5)`;
  throw wrong(`nfs has no option ${JSON.stringify(option)}`, remedy);
}

const wrong = (sentence: string, remedy: string): Failure =>
  new Failure('usage', `--backend: ${sentence}`, remedy);
