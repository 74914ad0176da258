import { Failure } from '../../terminal/failure.ts';

/** How each of our own options is written: alone, or with a value (`--name VALUE` or `--name=VALUE`). */
export type OwnOptions = Readonly<Record<`--${string}`, 'flag' | 'value'>>;

/** A command line with our own options taken from its front. */
export interface TakenOptions {
  /** Value by name; a flag's is empty. The last one counts. */
  readonly options: ReadonlyMap<string, string>;
  /** For the program that we prepare. */
  readonly rest: readonly string[];
}

/**
 * Takes `bailey`'s own options from the front of a command line whose rest belongs to another program. The first word
 * that is none of them ends the search: what stands behind it may be a value, or another program's option.
 * @param command for the hint, for example `agent`
 * @throws Failure 64 when a value is missing, or a flag has one
 */
export function takeOwnOptions(command: string, known: OwnOptions, args: readonly string[]): TakenOptions {
  const options = new Map<string, string>();
  let at = 0;
  for (; at < args.length; at++) {
    const [, name = '', attached] = /^(--[^=]+)(?:=(.*))?$/s.exec(args[at] ?? '') ?? [];
    const kind = Object.hasOwn(known, name) ? known[name as `--${string}`] : undefined;
    if (kind === undefined) break;
    if (kind === 'flag') {
      if (attached !== undefined) throw usage(command, `${name} takes no value`);
      options.set(name, '');
      continue;
    }
    const value = attached ?? args[++at];
    if (value === undefined || value === '') throw usage(command, `${name} needs a value`);
    options.set(name, value);
  }
  return { options, rest: args.slice(at) };
}

const usage = (command: string, sentence: string): Failure =>
  new Failure('usage', sentence, `try bailey help ${command}`);
