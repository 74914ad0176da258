import { Failure } from '../../terminal/failure.ts';
import type { Setting } from '../../terminal/setting.ts';
import { usageHint } from '../../terminal/usage-hint.ts';

/** A command line split into bailey's own options at its front and the arguments of the program that it starts. */
export interface LeadingOptions {
  /** Value by option name; empty for a switch. The last occurrence counts. */
  readonly options: ReadonlyMap<string, string>;
  /** Arguments of the program. */
  readonly rest: readonly string[];
}

/**
 * Takes bailey's own options (`--name VALUE`, `--name=VALUE` or a switch `--name`) from the front of a command line. The
 * first word that is not one of them ends the search: words behind it may be values or options of the program.
 * @param command the bailey command, for the usage hint
 * @param settings the options to take; one with a placeholder has a value
 * @throws Failure 64 when a value is missing, or a switch has one
 */
export function takeLeadingOptions(
  command: string,
  settings: readonly Setting[],
  args: readonly string[],
): LeadingOptions {
  const options = new Map<string, string>();
  let at = 0;
  for (; at < args.length; at++) {
    const [, name = '', attached] = /^(--[^=]+)(?:=(.*))?$/s.exec(args[at] ?? '') ?? [];
    const setting = settings.find(({ option }) => option === name);
    if (setting === undefined) break;
    if (setting.placeholder === undefined) {
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
  new Failure('usage', sentence, usageHint(`bailey help ${command}`));
