import { fstatSync } from 'node:fs';
import { Failure } from '../../../terminal/failure.ts';
import { quoted } from '../../../terminal/quoted.ts';
import { usageHint } from '../../../terminal/usage-hint.ts';
import { isControllerUrl, readHostPort, readRemotingTime } from './option-values.ts';
import {
  argumentsNamed,
  describeArgument,
  hasOption,
  type ParsedArgument,
  positionalArguments,
} from './parse-arguments.ts';

/**
 * Rejects a command line that agent.jar would reject. agent.jar itself would exit with 0, which means success for a container
 * engine. Unknown options are not checked here.
 * @throws Failure 64, without values that could be secrets
 */
export function validateArguments(items: readonly ParsedArgument[]): void {
  for (const item of items) validateForm(item);
  for (const item of items) validateCombination(item, items);
  validatePositional(items);
  if (hasOption(items, '-help') || hasOption(items, '-version')) return;
  if (isInbound(items)) validateInbound(items);
  else validateStdio(items);
}

/** Whether the agent connects to the controller; else the controller has started it, for example by ssh. */
export const isInbound = (items: readonly ParsedArgument[]): boolean =>
  ['-url', '-direct', '-jnlpUrl'].some((name) => hasOption(items, name));

function validateForm(item: ParsedArgument): void {
  const { name, option, value, word } = item;
  if (name === undefined || option === undefined) return;
  if (!option.takesValue) {
    if (value !== undefined)
      throw usage(`${describeArgument(item)} takes no value`, 'remove the = and the text after it');
    return;
  }
  if (value === undefined) throw usage(`${describeArgument(item)} needs a value`);
  if (option.isSecret && item.valueWord === word && value.startsWith('@'))
    throw usage(`${describeArgument(item)} needs a blank and not a = before @FILE`, `write ${name} @FILE`);
  requireValue(item, name, value);
}

function requireValue(item: ParsedArgument, name: string, value: string): void {
  const bad = (what: string, remedy: string): Failure =>
    usage(`${describeArgument(item)} ${quoted(value)} ${what}`, remedy);
  switch (name) {
    case '-noReconnectAfter':
      if (readRemotingTime(value) === undefined)
        throw bad('is not a time', 'write for example 90s, 2m or 1d; without a unit it is milliseconds');
      break;
    case '-tunnel':
      if (readHostPort(value) === undefined)
        throw bad('is not a tunnel address', 'write HOST:PORT, or HOST: or :PORT to change only one of them');
      break;
    case '-direct': {
      const { host, port } = readHostPort(value) ?? {};
      if (host === undefined || port === undefined) throw bad('is not an address', 'write HOST:PORT');
      break;
    }
    case '-url':
    case '-jnlpUrl':
      if (!isControllerUrl(value)) throw bad('is not a URL', 'write http://HOST:PORT/ or https://HOST/');
      break;
  }
}

function validateCombination(item: ParsedArgument, items: readonly ParsedArgument[]): void {
  const { option } = item;
  const other = items.find(({ name }) => name !== undefined && option?.conflictsWith?.includes(name));
  if (other !== undefined)
    throw usage(
      `${describeArgument(item)} and ${describeArgument(other)} cannot be combined`,
      'leave one of them out',
    );
  if (option?.requires !== undefined && !hasOption(items, option.requires))
    throw usage(
      `${describeArgument(item)} needs ${option.requires}`,
      `give ${option.requires} too, or leave it out`,
    );
}

function validatePositional(items: readonly ParsedArgument[]): void {
  const [secret, name, ...more] = positionalArguments(items);
  if (secret === undefined || items.some(isUnknownOption)) return; // they may be values of unknown options
  const file = (more[0] ?? name ?? secret).word.argument;
  if (name === undefined || more.length > 0) {
    const remedy =
      file.lines === undefined
        ? 'write -secret SECRET -name NAME'
        : `leave only one line in ${file.text.slice(1)}, or only agent.jar's options`;
    throw usage(
      `agent.jar takes a secret and a name without options, not ${positionalArguments(items).length}`,
      remedy,
    );
  }
  for (const [option, what] of [
    ['-secret', 'the secret'],
    ['-name', 'the name'],
  ] as const) {
    const [twice] = argumentsNamed(items, option);
    if (twice !== undefined)
      throw usage(
        `${what} is given twice: as ${describeArgument(twice)}, and as a positional argument`,
        'leave one of them out',
      );
  }
}

function validateInbound(items: readonly ParsedArgument[]): void {
  const urls = argumentsNamed(items, '-url');
  if (hasOption(items, '-webSocket') && urls.length > 1)
    throw usage(
      `-webSocket takes only one -url, not ${urls.length}: ${urls.map(describeArgument).join(', ')}`,
      'leave the others out',
    );
  if (hasOption(items, '-jnlpUrl') || items.some(isUnknownOption) || positionalArguments(items).length > 0)
    return;
  for (const [option, variable] of [
    ['-secret', 'JENKINS_SECRET'],
    ['-name', 'JENKINS_NAME'],
  ] as const)
    if (!hasOption(items, option)) throw usage(`${option} is missing`, `give it, or set ${variable}`);
}

/**
 * Rejects an agent without an address if it would end at once or wait forever. Without an address agent.jar communicates with
 * the controller over standard input, as when ssh starts it. That is impossible with a terminal or /dev/null.
 */
function validateStdio(items: readonly ParsedArgument[]): void {
  if (hasOption(items, '-tcp') || hasOption(items, '-connectTo') || items.some(isUnknownOption)) return;
  const identity = items.find(({ name }) => name === undefined || name === '-secret' || name === '-name');
  if (identity === undefined && (hasOption(items, '-text') || !fstatSync(0).isCharacterDevice())) return;
  throw usage('-url is missing, so the agent cannot connect to a controller', 'give it, or set JENKINS_URL');
}

/** Whether the argument is an option that is not in bailey's table. */
export const isUnknownOption = ({ name, option }: ParsedArgument): boolean =>
  name !== undefined && option === undefined;

const usage = (sentence: string, remedy = usageHint('bailey help agent')): Failure =>
  new Failure('usage', sentence, remedy);
