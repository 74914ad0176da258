import { wrapWords } from './wrap-words.ts';

/**
 * One setting of a command: a command-line option, an environment variable, or both for the same value. Each command
 * declares its settings once, in a `settings.ts`; the parser, the help and the reference documentation read them there.
 */
export interface Setting {
  /** With its dashes, as in `--timeout`. */
  readonly option?: `--${string}`;
  /** The name of the option's value, as in `TIME`; in brackets if it is optional. Without it, the option is a switch. */
  readonly placeholder?: string;
  /** An option overrides its variable. An empty variable counts as not set. */
  readonly variable?: string;
  /** The default value, or a description of the default. */
  readonly default?: string;
  /** What the setting does: a phrase without a full stop at its end. */
  readonly meaning: string;
}

/** Width of the name column in the help, and of a whole line. */
const nameWidth = 28;
const lineWidth = 100;

/** Returns the options of a command as lines for its help text. */
export const optionHelp = (settings: readonly Setting[]): string =>
  settings
    .flatMap((setting) => {
      const { option, placeholder, variable } = setting;
      if (option === undefined) return [];
      const name = placeholder === undefined ? option : `${option} ${placeholder}`;
      return [
        helpEntry(
          name,
          variable === undefined ? setting.meaning : `${setting.meaning} [${variable}]`,
          setting,
        ),
      ];
    })
    .join('\n');

/** Returns the variables of a command as lines for its help text. */
export const variableHelp = (settings: readonly Setting[]): string =>
  settings
    .flatMap((setting) =>
      setting.variable === undefined ? [] : [helpEntry(setting.variable, setting.meaning, setting)],
    )
    .join('\n');

function helpEntry(name: string, meaning: string, setting: Setting): string {
  const text = setting.default === undefined ? meaning : `${meaning} (default: ${setting.default})`;
  const lines = wrapWords(text, lineWidth - nameWidth - 2);
  const [first = '', ...more] = lines;
  const indent = ' '.repeat(nameWidth + 2);
  const head =
    name.length < nameWidth ? `  ${name.padEnd(nameWidth)}${first}` : `  ${name}\n${indent}${first}`;
  return [head, ...more.map((line) => indent + line)].join('\n');
}
