// The options of bailey-init are defined once, in native/init/options.json. This script generates from them:
//
//   node scripts/bailey-init-options.js            native/init/bailey_options.h (the parser's table and --help) and the
//                                                  OPTIONS of the manual page native/init/bailey-init.1
//   node scripts/bailey-init-options.js --check    writes nothing; prints the files that differ, exit code 1 if there are any
//   node scripts/bailey-init-options.js --markdown prints the table for the docs
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../native/init/', import.meta.url);
const source = new URL('options.json', folder);
const header = new URL('bailey_options.h', folder);
const manual = new URL('bailey-init.1', folder);

const notice = 'Made from options.json by scripts/bailey-init-options.js: change it there.';

/**
 * An option in options.json.
 * @typedef {object} Option
 * @property {string} name with its dashes
 * @property {string} [letter] its short form, without the dash
 * @property {string} [value] the placeholder of its value; without one it is a switch
 * @property {string} [set] the C function that sets the value
 * @property {string} [expected] what a value must be, for the message about a wrong one
 * @property {string} [text] the C text that the option prints, for options that only print
 * @property {string} summary for --help
 * @property {readonly string[]} description paragraphs for the manual page and the docs
 */

/** @returns {readonly { title: string, options: readonly Option[] }[]} */
function readGroups() {
  return JSON.parse(readFileSync(source, 'utf8')).groups;
}

/** @returns {string | undefined} the environment variable of an option; undefined for options that only print */
function variableOf({ name, set }) {
  return set && `BAILEY_${name.slice(2).toUpperCase().replaceAll('-', '_')}`;
}

/** @returns {string} `-h, --help`, `--grace TIME` */
function spelling({ name, letter, value }) {
  return `${letter ? `-${letter}, ` : ''}${name}${value ? ` ${value}` : ''}`;
}

/** @returns {string} a C string literal */
function literal(text) {
  return JSON.stringify(text);
}

/** @returns {string[]} the words of a text in lines of at most `width` characters */
function wrap(text, width) {
  const lines = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** The columns of --help: options, summaries, variables. */
const [summaryColumn, variableColumn] = [23, 73];

/** @returns {string[]} the lines of --help for one option; the variable is at the right of the last line */
function helpLines(option) {
  const lines = wrap(option.summary, variableColumn - summaryColumn - 2);
  const variable = variableOf(option);
  return lines.map((line, n) => {
    const start = (n === 0 ? `  ${spelling(option).replace('[,...]', '')}` : '').padEnd(summaryColumn) + line;
    return variable && n === lines.length - 1 ? start.padEnd(variableColumn) + variable : start;
  });
}

/** @returns {string} native/init/bailey_options.h */
export function cHeader() {
  const groups = readGroups();
  const help = groups.flatMap(({ title, options }) => [title, ...options.flatMap(helpLines)]);
  const rows = groups
    .flatMap(({ options }) => options)
    .map((option) => {
      const variable = variableOf(option);
      const fields = [
        ['name', literal(option.name)],
        ['letter', option.letter && `'${option.letter}'`],
        ['set', option.set],
        ['hint', option.expected && literal(option.expected)],
        ['variable', variable && literal(variable)],
        ['text', option.text],
      ];
      return `    {${fields.flatMap(([field, value]) => (value ? [`.${field} = ${value}`] : [])).join(', ')}},`;
    });
  return `/* ${notice} */
#ifndef BAILEY_OPTIONS_TABLE_H
#define BAILEY_OPTIONS_TABLE_H

/* Rows of struct option. */
#define BAILEY_OPTION_ROWS \\
${rows.join(' \\\n')}

/* The description of the options in --help. */
#define BAILEY_OPTION_HELP \\
${help.map((line) => `    ${literal(`${line}\n`)}`).join(' \\\n')}

#endif
`;
}

/** @returns {string} the text, escaped for troff */
function troff(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/`([^`]*)`/g, '\\fB$1\\fR')
    .replace(/\*([^*]*)\*/g, '\\fI$1\\fR')
    .replace(/\b([a-z]+)\((\d)\)/g, '\\fB$1\\fR($2)')
    .replaceAll('bailey\\-init', '\\fBbailey\\-init\\fR');
}

/** @returns {string[]} an option in the manual page */
function manualLines(option) {
  const { name, letter, value, description } = option;
  const names = [letter && `-${letter}`, name].flatMap((form) => (form ? [`\\fB${troff(form)}\\fR`] : []));
  const placeholder = value ? ` ${value.replace(/[A-Z]+/g, (word) => `\\fI${word}\\fR`)}` : '';
  const paragraphs = description.flatMap((paragraph, n) => [...(n > 0 ? ['.IP'] : []), troff(paragraph)]);
  return ['.TP', `${names.join(', ')}${placeholder}`, ...paragraphs];
}

const [begin, end] = [`.\\" ${notice}`, '.\\" End of what is made from options.json.'];

/** @returns {string} native/init/bailey-init.1 with its options renewed */
export function manualPage() {
  const page = readFileSync(manual, 'utf8');
  const [before, rest] = page.split(`${begin}\n`);
  const [, after] = rest?.split(`${end}\n`) ?? [];
  if (after === undefined) throw new Error(`${fileURLToPath(manual)} has lost its line ${begin} or ${end}`);
  const lines = readGroups().flatMap(({ title, options }) => [
    `.SS ${title}`,
    ...options.flatMap(manualLines),
  ]);
  return `${before}${[begin, ...lines, end].join('\n')}\n${after}`;
}

/** @returns {string} the options as a Markdown table */
export function markdownTable() {
  const cell = (text) => text.replaceAll('|', '\\|').replaceAll('*', '');
  const rows = readGroups()
    .flatMap(({ options }) => options)
    .map((option) => {
      const forms = [
        option.letter && `-${option.letter}`,
        option.value ? `${option.name} ${option.value}` : option.name,
      ];
      const variable = variableOf(option);
      const names = forms.flatMap((form) => (form ? [`\`${form}\``] : [])).join(', ');
      return `| ${names} | ${variable ? `\`${variable}\`` : ''} | ${cell(option.description.join(' '))} |`;
    });
  return ['| Option | Variable | Meaning |', '|---|---|---|', ...rows, ''].join('\n');
}

/** The generated files and their generators. */
const made = [
  [header, cHeader],
  [manual, manualPage],
];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === '--markdown') process.stdout.write(markdownTable());
  else if (process.argv[2] === '--check') {
    const stale = made
      .filter(([file, make]) => readFileSync(file, 'utf8') !== make())
      .map(([file]) => fileURLToPath(file));
    for (const file of stale)
      console.error(`${file} differs from options.json: run node scripts/bailey-init-options.js`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else for (const [file, make] of made) writeFileSync(file, make());
}
