import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { errorMessage, Failure } from '../../terminal/failure.ts';

/** Longer than this, in bytes, is no file of settings. */
const longestBytes = 64 * 1024;

/** A service has no folder of its own where a relative path could begin. */
const absolutePath = Type.String({ pattern: '^/', description: 'an absolute path' });

const time = Type.String({
  pattern: '^[0-9]{1,9}([.][0-9]{1,3})?(ms|s|m|h|d)$',
  description: 'a time with its unit, as in 12h or 7d',
});

/**
 * The keys of the file: the long names of the options of `castle serve`; each description ends the sentence "it must
 * be". Enumerations are patterns, so that one wrong value is one error.
 */
const ConfigFile = Type.Object(
  {
    socket: Type.Optional(absolutePath),
    state: Type.Optional(absolutePath),
    backend: Type.Optional(
      Type.String({
        pattern: '^([a-z]+=/|nfs=[^/,]+:/|ebs($|[=,]))',
        description:
          'NAME=DIR with an absolute path, as in local=/srv/castle or loop=/srv/castle,fs=ext4,size=10G; or nfs=HOST:/EXPORT; or ebs,size=10G',
      }),
    ),
    runtime: Type.Optional(
      Type.String({ pattern: '^(docker|podman|process)$', description: 'docker, podman or process' }),
    ),
    'docker-socket': Type.Optional(absolutePath),
    'snapshot-schedule': Type.Optional(
      Type.String({ pattern: '^.+$', description: 'cron expressions, as in "0 * * * *", with ; between' }),
    ),
    'snapshot-volumes': Type.Optional(
      Type.String({ pattern: '^.+$', description: 'names with * and ?, as in "main,team-*"' }),
    ),
    'snapshot-keep': Type.Optional(
      Type.String({ pattern: '^[a-z]+=.+$', description: 'numbers, as in last=3,hourly=24,daily=7' }),
    ),
    'off-host': Type.Optional(
      Type.String({
        pattern: '^s3=.+$',
        description: 's3=BUCKET or s3=BUCKET/PREFIX, and options, as in s3=backups,region=eu-west-1',
      }),
    ),
    'freeze-limit': Type.Optional(time),
    'keep-deleted': Type.Optional(time),
    'reconcile-interval': Type.Optional(time),
    'metrics-listen': Type.Optional(
      Type.String({ pattern: '^.+:[0-9]+$', description: 'HOST:PORT, as in 127.0.0.1:9464' }),
    ),
    listen: Type.Optional(
      Type.String({ pattern: '^.+:[0-9]+$', description: 'HOST:PORT, as in 0.0.0.0:8443' }),
    ),
    'tls-cert': Type.Optional(absolutePath),
    'tls-key': Type.Optional(absolutePath),
    'tls-client-ca': Type.Optional(absolutePath),
    plugin: Type.Optional(absolutePath),
    'gc-interval': Type.Optional(
      Type.String({
        pattern: '^(0|[0-9]{1,9}([.][0-9]{1,3})?(ms|s|m|h|d))$',
        description: 'a time with its unit, as in 1h, or "0"',
      }),
    ),
    'log-level': Type.Optional(
      Type.Unsafe<'debug' | 'info' | 'warn' | 'error'>(
        Type.String({ pattern: '^(debug|info|warn|error)$', description: 'debug, info, warn or error' }),
      ),
    ),
    'log-format': Type.Optional(
      Type.Unsafe<'auto' | 'json' | 'text'>(
        Type.String({ pattern: '^(auto|json|text)$', description: 'auto, json or text' }),
      ),
    ),
  },
  { additionalProperties: false },
);
type ConfigFile = Static<typeof ConfigFile>;

/** What the file may set, by the names of the program. */
export interface FileSettings {
  readonly socket?: string;
  readonly state?: string;
  readonly backend?: string;
  readonly runtime?: string;
  readonly dockerSocket?: string;
  readonly snapshotSchedule?: string;
  readonly snapshotVolumes?: string;
  readonly snapshotKeep?: string;
  readonly freezeLimit?: string;
  readonly offHost?: string;
  readonly keepDeleted?: string;
  readonly reconcileInterval?: string;
  readonly metricsListen?: string;
  readonly listen?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly plugin?: string;
  readonly gcInterval?: string;
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat?: 'auto' | 'json' | 'text';
}

/**
 * Reads a castle's file of settings: YAML, since it has comments and is what its readers write for Docker and
 * Kubernetes anyway. The parser comes with the OpenAPI plug-in that is there already.
 * @throws Failure config with the file, the line, what is wrong and what to do
 */
export function readConfig(file: string): FileSettings {
  const lines = new LineCounter();
  const document = parseDocument(readSafely(file), { lineCounter: lines, schema: 'core', merge: false });
  const lineAt = (offset: number | undefined): number | undefined =>
    offset === undefined ? undefined : lines.linePos(offset).line;
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    const why = fault.message.split(/ at line |\n/)[0] ?? fault.message;
    throw wrong(file, lineAt(fault.pos[0]), `it is not YAML as it should be: ${why}`, 'correct that line');
  }
  const root = document.contents;
  if (root === null) return {}; // nothing but comments
  if (!isMap(root))
    throw wrong(file, 1, 'it is not a list of keys and values', 'write KEY: VALUE on each line');
  const value = plain(file, document);
  const keyLine = (key: string): number | undefined => {
    const pair = root.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    return isScalar(pair?.key) ? lineAt(pair.key.range?.[0]) : undefined;
  };
  if (!Value.Check(ConfigFile, value)) throw firstFault(file, value, keyLine);
  return toSettings(value);
}

function plain(file: string, document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (thrown) {
    // The one thing that the parser leaves to this: aliases, with which a few lines become gigabytes.
    throw wrong(file, undefined, errorMessage(thrown), 'write each value where it belongs');
  }
}

function firstFault(file: string, value: unknown, lineOf: (key: string) => number | undefined): Failure {
  const keys = Object.keys(ConfigFile.properties);
  const given = Object.entries(typeof value === 'object' && value !== null ? value : {});
  const unknown = given.find(([key]) => !keys.includes(key));
  if (unknown !== undefined) {
    return wrong(
      file,
      lineOf(unknown[0]),
      `key ${short(unknown[0])} is unknown`,
      `known are ${keys.join(', ')}`,
    );
  }
  for (const [key, schema] of Object.entries(ConfigFile.properties)) {
    const [, is] = given.find(([name]) => name === key) ?? [];
    if (is === undefined || Value.Check(schema, is)) continue;
    const must = 'description' in schema ? String(schema.description) : '';
    return wrong(file, lineOf(key), `${key} is ${short(is)}`, `it must be ${must}`);
  }
  return wrong(file, undefined, 'it is not understood', 'compare it with the example');
}

/**
 * A castle does what its file says with the rights of root: nobody else may have written it.
 */
function readSafely(file: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe would wait for its writer
    const { mode, uid, size } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new Error('it is no file');
    if (size > longestBytes) throw new Error(`it has more than ${longestBytes} bytes`);
    if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid?.())) {
      throw wrong(file, undefined, 'others may write it', `chown root ${file} && chmod go-w ${file}`);
    }
    return readFileSync(fd, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw wrong(file, undefined, `it cannot be read: ${errorMessage(thrown)}`, 'give another --config');
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function toSettings(value: ConfigFile): FileSettings {
  const camel = (key: string) => key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(value).map(([key, setting]) => [camel(key), setting]));
}

const wrong = (file: string, line: number | undefined, what: string, remedy: string): Failure =>
  new Failure('config', `${file}${line === undefined ? '' : `:${line}`}: ${what}`, remedy);

/** A value as it may stand in one line. */
function short(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
