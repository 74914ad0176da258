import { wrapWords } from '../../terminal/wrap-words.ts';
import { castleSettings } from './settings.ts';

const lineWidth = 120;

/** Returns the text of etc/castle.yaml: every setting with its explanation; those without a default are commented out. */
export function exampleConfig(): string {
  const header = [
    'Settings of a castle: castle serve --config /etc/castle/castle.yaml',
    '',
    'Each key is an option of `castle serve` without its dashes; an option on the command line overrides its key. A line',
    'that is commented out has no effect: the setting is off. Paths are absolute. Only root may be able to write this file.',
  ].map((line) => `# ${line}`.trimEnd());
  const entries = castleSettings.map(({ key, details, example, hasDefault }) => [
    '',
    ...wrapWords(details, lineWidth - 2).map((line) => `# ${line}`),
    `${hasDefault ? '' : '#'}${key}: ${scalar(example)}`,
  ]);
  return `${[...header, ...entries.flat()].join('\n')}\n`;
}

/** YAML reads some characters as syntax: a value that has or begins with one is quoted. */
const scalar = (value: string): string => (/^[A-Za-z0-9/][^*]*$/.test(value) ? value : JSON.stringify(value));
