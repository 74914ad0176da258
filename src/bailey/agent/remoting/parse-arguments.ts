import type { RawArgument } from './read-arguments.ts';
import { canonicalName, findRemotingOption, type RemotingOption } from './remoting-options.ts';

/** A word as agent.jar's parser reads it: an argument, or a line of its file. */
export interface Word {
  readonly text: string;
  readonly argument: RawArgument;
}

/** An option with its value, or a positional argument: the secret, and then the name. */
export interface ParsedArgument {
  /** The option's name; undefined: a positional argument. */
  readonly name: string | undefined;
  /** What is known about it; undefined: nothing. */
  readonly option: RemotingOption | undefined;
  /** Where the item begins. */
  readonly word: Word;
  /** Of an option `-name=VALUE` that is the word itself; undefined when there is none. */
  readonly valueWord: Word | undefined;
  readonly value: string | undefined;
}

/** Tells options, their values and positional arguments apart, as agent.jar does: a value is never taken for an option. */
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

/** Of an option that we don't know, what follows may be the value, if it isn't an option for certain. */
const mayTakeNext = (option: RemotingOption | undefined, next: Word | undefined): boolean =>
  next !== undefined && (option?.takesValue ?? !next.text.startsWith('-'));

/** What is given of an option of this name, in order. */
export const argumentsNamed = (items: readonly ParsedArgument[], name: string): readonly ParsedArgument[] =>
  items.filter((item) => item.name === name);

/** Whether there is an option of this name. */
export const hasOption = (items: readonly ParsedArgument[], name: string): boolean =>
  items.some((item) => item.name === name);

/** The value of an option; of several agent.jar takes the last. */
export const lastValue = (items: readonly ParsedArgument[], name: string): string | undefined =>
  argumentsNamed(items, name).at(-1)?.value;

/** What belongs to no option. */
export const positionalArguments = (items: readonly ParsedArgument[]): readonly ParsedArgument[] =>
  items.filter((item) => item.name === undefined);

/** An option as people find it again: with the variable that it comes from, unless it is on the command line. */
export function describeArgument({ name = 'a positional argument', word }: ParsedArgument): string {
  return word.argument.from === '' ? name : `${name} (${word.argument.from})`;
}
