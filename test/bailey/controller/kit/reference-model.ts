/**
 * A second implementation of the official image's rules for reference files: simple, slow, and without code from src/. The
 * rules are those of jenkinsci/docker, jenkins-support; comments mark the differences of this project.
 */
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A regular file; its content is decoded as latin1, one character per byte. */
export interface ModelFile {
  readonly content: string;
  readonly mode: number;
  readonly mtimeMs: number;
}

/** Path below the folder → file. */
export type Files = ReadonlyMap<string, ModelFile>;

/** A required log line: its beginning, and words that it must contain. */
export interface LogLine {
  readonly begins: string;
  readonly has: readonly string[];
}

export interface Outcome {
  /** `like` has mode and times if the rules define them; undefined for files created by bailey (markers). */
  readonly files: ReadonlyMap<string, { readonly content: string; readonly like: ModelFile | undefined }>;
  readonly log: readonly LogLine[];
}

/** The regular files below a folder; symlinks are followed where `follow`, dangling ones are left out. */
export function readFiles(folder: string, follow: boolean): Map<string, ModelFile> {
  const files = new Map<string, ModelFile>();
  const walk = (below: string): void => {
    for (const name of readdirSync(join(folder, below)).sort()) {
      const path = join(folder, below, name);
      const place = below === '' ? name : `${below}/${name}`;
      const stat = follow ? statSync(path, { throwIfNoEntry: false }) : lstatSync(path);
      if (stat?.isDirectory()) walk(place);
      if (stat?.isFile())
        files.set(place, {
          content: readFileSync(path, 'latin1'),
          mode: stat.mode & 0o7777,
          mtimeMs: Math.round(stat.mtimeMs),
        });
    }
  };
  walk('');
  return files;
}

/** The expected state of a home after a start. */
export function expectedOutcome(reference: Files, before: Files, env: NodeJS.ProcessEnv): Outcome {
  const isOn = (name: string): boolean => (env[name] ?? '') !== '';
  const files = new Map<string, { content: string; like: ModelFile | undefined }>();
  for (const [path, file] of before) {
    if (isOn('PRE_CLEAR_INIT_GROOVY_D') && path.startsWith('init.groovy.d/')) continue;
    files.set(path, { content: file.content, like: file });
  }
  const log: LogLine[] = [];
  const addLine = (action: string, path: string, ...has: readonly string[]): void => {
    log.push({ begins: `${action} ${path}`, has });
  };
  const skipUnlogged = (path: string): void => {
    if (isOn('VERBOSE')) addLine('SKIPPED', path);
  };
  const copy = (path: string, file: ModelFile): void => {
    files.set(path, { content: filled(path, file.content, env), like: file });
  };

  for (const [name, file] of reference) {
    const override = name.endsWith('.override');
    const path = override ? name.slice(0, -'.override'.length) : name;
    // With both, the official script copies in the order of find(1); here the override takes precedence.
    if (!override && reference.has(`${name}.override`)) continue;
    const there = files.get(path);

    if (!/^plugins\/.*\.jpi$/.test(path)) {
      if (there !== undefined && !override) {
        skipUnlogged(path);
        continue;
      }
      copy(path, file);
      addLine('INSTALLED', path);
      continue;
    }

    const markerPath = `${path}.version_from_image`;
    const image = versionOf(file.content);
    const install = (action: string, ...has: readonly string[]): void => {
      copy(path, file);
      if (!files.has(`${path}.pinned`)) files.set(`${path}.pinned`, { content: '', like: undefined });
      files.set(markerPath, { content: `${image}\n`, like: undefined });
      addLine(action, path, ...has);
    };
    if (there === undefined || override) {
      install('INSTALLED', image);
      continue;
    }
    const installed = versionOf(there.content);
    const marker = files.get(markerPath)?.content.trim();
    const imageIsNewer = order(image, installed) > 0;
    if (marker !== undefined && order(marker, installed) < 0) {
      if (isOn('PLUGINS_FORCE_UPGRADE') && imageIsNewer) install('UPGRADED', image, installed);
      else addLine('SKIPPED', path, installed, marker);
    } else if (marker === undefined && !isOn('TRY_UPGRADE_IF_NO_MARKER')) {
      skipUnlogged(path);
    } else if (imageIsNewer) {
      install('UPGRADED', image, installed);
    } else if (order(image, installed) < 0) {
      addLine('SKIPPED', path, image, installed);
    } else {
      if (marker === undefined) files.set(markerPath, { content: `${image}\n`, like: undefined });
      skipUnlogged(path);
    }
  }
  return { files, log };
}

/** `${V}` and `${V:-default}`, in configuration files; a reference to an unset variable is not changed. */
function filled(path: string, content: string, env: NodeJS.ProcessEnv): string {
  if (env['JENKINS_ENABLE_ENV_SUBST'] !== 'true') return content;
  if (!['.xml', '.conf', '.properties', '.groovy'].some((end) => path.endsWith(end))) return content;
  let done = '';
  let rest = content;
  for (;;) {
    const begin = rest.indexOf('$' + '{');
    const end = rest.indexOf('}', begin);
    if (begin === -1 || end === -1) return done + rest;
    const inner = rest.slice(begin + 2, end);
    const [name = '', ...otherwise] = inner.split(':-');
    const fallback = inner.includes(':-') ? otherwise.join(':-') : undefined;
    const value = /^[A-Za-z_]\w*$/.test(name) ? env[name] : undefined;
    const isName = /^[A-Za-z_]\w*$/.test(name);
    let text = rest.slice(begin, end + 1);
    if (isName && fallback !== undefined) text = (value ?? '') === '' ? fallback : (value ?? '');
    else if (isName && value !== undefined) text = value;
    done += rest.slice(0, begin) + text;
    rest = rest.slice(end + 1);
  }
}

/** The Plugin-Version in an archive, which the generator does not compress; empty if there is none. */
export function versionOf(content: string): string {
  return content.startsWith('PK') ? (/Plugin-Version: (\S+)/.exec(content)?.[1] ?? '') : '';
}

/**
 * Compares versions: positive when `a` is newer. Each version becomes a list of numbers of the same length: a missing part is
 * less than a hash, and a hash is less than every number. If both wrap a library's version, the library versions, padded to
 * six numbers, are compared first.
 */
export function order(a: string, b: string): number {
  const wrapped = (version: string): RegExpExecArray | null =>
    /^([\d.]+)-(\d[\d.]*\.v[0-9a-f_]+)$/.exec(version);
  const numbers = (text: string): number[] => {
    const parts =
      text === '' ? [] : text.split(/[.-]/).map((part) => (part.startsWith('v') ? -1 : Number(part)));
    return [...parts, ...Array<number>(6 - parts.length).fill(-2)];
  };
  const both = [wrapped(a), wrapped(b)] as const;
  const keys =
    both[0] !== null && both[1] !== null
      ? both.map((match) => [...numbers(match?.[1] ?? ''), ...numbers(match?.[2] ?? '')])
      : [numbers(a), numbers(b)];
  const [left = [], right = []] = keys;
  const at = left.findIndex((value, index) => value !== right[index]);
  return at === -1 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

/** The same for versions without a hash, by sort(1), which the official script uses. */
export function orderBySort(a: string, b: string): number {
  const [left, right] = [a.replaceAll('-', '.'), b.replaceAll('-', '.')];
  if (left === right) return 0;
  const sorted = execFileSync('sort', ['-V'], { input: `${left}\n${right}\n`, encoding: 'utf8' });
  return sorted.startsWith(`${left}\n`) ? -1 : 1;
}
