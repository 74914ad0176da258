import type { RawArgument } from './read-arguments.ts';
import { canonicalName, findRemotingOption, type RemotingOption } from './remoting-options.ts';

/** A word in the sense of agent.jar's parser: an argument, or a line of its `@FILE`. */
export interface Word {
  readonly text: string;
  readonly argument: RawArgument;
}

/** An option with its value, or a positional argument: the secret, and then the name. */
export interface ParsedArgument {
  /** The name of the option; undefined for a positional argument. */
  readonly name: string | undefined;
  /** Undefined for a positional argument or an unknown option. */
  readonly option: RemotingOption | undefined;
  /** The first word. */
  readonly word: Word;
  /** The word with the value; for `-name=VALUE` the first word; undefined without a value. */
  readonly valueWord: Word | undefined;
  readonly value: string | undefined;
}

/** Parses options, values and positional arguments as agent.jar does: the value of an option is never an option. */
export function parseArguments(args: readonly RawArgument[]): readonly ParsedArgument[] {
  const items: ParsedArgument[] = [];
  const words = args.flatMap((argument): Word[] =>
    (argument.lines ?? [argument.text]).map((text) => ({ text, argument })),
  );
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as Word;
    if (!word.text.startsWith('-')) {
      items.push({ name: undefined, option: undefined, word, valueWord: word, value: word.text });
      continue;
    }
    const [, given = word.text, attached] = /^([^=]+)=(.*)$/s.exec(word.text) ?? [];
    const name = canonicalName(given);
    const option = findRemotingOption(name);
    const next = attached === undefined && mayTakeNext(option, words[at + 1]) ? words[++at] : undefined;
    items.push({
      name,
      option,
      word,
      valueWord: attached === undefined ? next : word,
      value: attached ?? next?.text,
    });
  }
  return items;
}

/** For an unknown option, a following word that is not an option counts as its value. */
const mayTakeNext = (option: RemotingOption | undefined, next: Word | undefined): boolean =>
  next !== undefined && (option?.takesValue ?? !next.text.startsWith('-'));

/** Returns all occurrences of an option, in order. */
export const argumentsNamed = (items: readonly ParsedArgument[], name: string): readonly ParsedArgument[] =>
  items.filter((item) => item.name === name);

/** Whether an option is given. */
export const hasOption = (items: readonly ParsedArgument[], name: string): boolean =>
  items.some((item) => item.name === name);

/** Returns the value of an option; agent.jar uses the last of several. */
export const lastValue = (items: readonly ParsedArgument[], name: string): string | undefined =>
  argumentsNamed(items, name).at(-1)?.value;

/** Returns the positional arguments: the secret, then the name. */
export const positionalArguments = (items: readonly ParsedArgument[]): readonly ParsedArgument[] =>
  items.filter((item) => item.name === undefined);

/** How messages name an option: its name, and the variable that contains it unless it is on the command line. */
export function describeArgument({ name = 'a positional argument', word }: ParsedArgument): string {
  return word.argument.from === '' ? name : `${name} (${word.argument.from})`;
}
