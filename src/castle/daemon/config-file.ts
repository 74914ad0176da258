import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { castleSettings, type GivenValues } from './settings.ts';

/** The maximum size of the file, in bytes. */
const limitBytes = 64 * 1024;

/**
 * Reads the config file: YAML with the keys of the settings table. YAML was chosen because it has comments and administrators
 * use it for Docker and Kubernetes; its parser is already a dependency of the OpenAPI plug-in.
 * @throws Failure config with the file, the line, the fault and the remedy
 */
export async function readConfig(file: string): Promise<GivenValues> {
  const lines = new LineCounter();
  const document = parseDocument(readTrusted(file), { lineCounter: lines, schema: 'core', merge: false });
  const lineAt = (offset: number | undefined): number | undefined =>
    offset === undefined ? undefined : lines.linePos(offset).line;
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    if (fault.code === 'MULTIPLE_DOCS') {
      const remedy = 'remove the line --- and what belongs to another document';
      throw wrong(file, lineAt(fault.pos[0]), 'the file has more than one YAML document', remedy);
    }
    const reason = fault.message.split(/ at line |\n/)[0] ?? fault.message;
    throw wrong(file, lineAt(fault.pos[0]), `invalid YAML: ${reason}`, 'correct that line');
  }
  const root = document.contents;
  if (root === null) return {}; // nothing but comments
  if (!isMap(root))
    throw wrong(file, 1, 'the file is not a list of keys and values', 'write KEY: VALUE on each line');
  const keyLine = (key: string): number | undefined => {
    const pair = root.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    return isScalar(pair?.key) ? lineAt(pair.key.range?.[0]) : undefined;
  };
  return readSettings(file, toObject(file, document), keyLine);
}

function toObject(file: string, document: Document): Readonly<Record<string, unknown>> {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (thrown) {
    // Aliases, the one error that the parser reports only here. With aliases, a few lines become gigabytes.
    throw wrong(file, undefined, errorMessage(thrown), 'write each value in full');
  }
}

/** @throws Failure config for the first key that is unknown, else for the first value that is wrong */
async function readSettings(
  file: string,
  values: Readonly<Record<string, unknown>>,
  lineOf: (key: string) => number | undefined,
): Promise<GivenValues> {
  const keys = castleSettings.map(({ key }) => key);
  const unknown = Object.keys(values).find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    const remedy = `known keys are ${keys.join(', ')}`;
    throw wrong(file, lineOf(unknown), `key ${short(unknown)} is unknown`, remedy);
  }
  const read: [string, unknown][] = [];
  for (const { name, key, pattern, form, parse } of castleSettings) {
    if (!Object.hasOwn(values, key)) continue;
    const value = values[key];
    if (typeof value !== 'string' || !pattern.test(value))
      throw wrong(file, lineOf(key), `${key} is ${short(value)}`, `it must be ${form}`);
    try {
      read.push([name, await parse(value)]);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      // A key is the option without its dashes.
      throw wrong(
        file,
        lineOf(key),
        thrown.sentence.replace(/^--/, ''),
        thrown.remedy ?? `it must be ${form}`,
      );
    }
  }
  // The settings table says which value each name has.
  return Object.fromEntries(read) as GivenValues;
}

/**
 * Reads a file that only root, or the user that runs the castle, can write: the castle runs as root, and the file decides
 * what it does.
 */
function readTrusted(file: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK); // opening a pipe would wait for its writer
    const { mode, uid, size } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new Error('it is not a regular file');
    if (size > limitBytes) throw new Error(`it is larger than ${limitBytes} bytes`);
    if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid?.())) {
      throw wrong(
        file,
        undefined,
        'other users can write to it',
        `run: chown root ${file} && chmod go-w ${file}`,
      );
    }
    return readFileSync(fd, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw wrong(file, undefined, `cannot read the file: ${errorMessage(thrown)}`, 'correct --config');
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const wrong = (file: string, line: number | undefined, what: string, remedy: string): Failure =>
  new Failure('config', `${file}${line === undefined ? '' : `:${line}`}: ${what}`, remedy);

/** Returns a value as text, truncated for a message. */
function short(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
