import { fstatSync } from 'node:fs';
import { Failure } from '../../../terminal/failure.ts';
import { shown } from '../../../terminal/shown.ts';
import { usageHint } from '../../../terminal/usage-hint.ts';
import { has, type Item, itemsOf, origin, positional } from './parse.ts';
import { isControllerUrl, readHostPort, readRemotingTime } from './values.ts';

/**
 * Makes sure that agent.jar will not refuse its command line: it says why, but it ends with 0, which an engine takes for
 * success. Options that we don't know are not judged here.
 * @throws Failure 64; it never shows what could be a secret
 */
export function requireUsable(items: readonly Item[]): void {
  for (const item of items) requireOwnForm(item);
  for (const item of items) requireCompany(item, items);
  requirePositional(items);
  if (has(items, '-help') || has(items, '-version')) return;
  if (isInbound(items)) requireInbound(items);
  else requireSomebodyToTalkTo(items);
}

/** Whether the agent goes to the controller, as those in containers do; else the controller has started it. */
export const isInbound = (items: readonly Item[]): boolean =>
  ['-url', '-direct', '-jnlpUrl'].some((name) => has(items, name));

function requireOwnForm(item: Item): void {
  const { name, option, value, word } = item;
  if (name === undefined || option === undefined) return;
  if (!option.takesValue) {
    if (value !== undefined) throw usage(`${origin(item)} takes no value`, 'leave out what is behind the =');
    return;
  }
  if (value === undefined) throw usage(`${origin(item)} needs a value`);
  if (option.isSecret && item.valueWord === word && value.startsWith('@'))
    throw usage(`${origin(item)} takes a file with a blank, not with =`, `write ${name} @FILE`);
  requireValue(item, name, value);
}

function requireValue(item: Item, name: string, value: string): void {
  const bad = (what: string, remedy: string): Failure =>
    usage(`${origin(item)} ${shown(value)} ${what}`, remedy);
  switch (name) {
    case '-noReconnectAfter':
      if (readRemotingTime(value) === undefined)
        throw bad('is no time', 'write for example 90s, 2m or 1d; without a unit it is milliseconds');
      break;
    case '-tunnel':
      if (readHostPort(value) === undefined)
        throw bad('is no tunnel', 'write HOST:PORT, or HOST: or :PORT to change only one of them');
      break;
    case '-direct': {
      const { host, port } = readHostPort(value) ?? {};
      if (host === undefined || port === undefined) throw bad('is no address', 'write HOST:PORT');
      break;
    }
    case '-url':
    case '-jnlpUrl':
      if (!isControllerUrl(value)) throw bad('is no URL', 'write http://HOST:PORT/ or https://HOST/');
      break;
  }
}

function requireCompany(item: Item, items: readonly Item[]): void {
  const { option } = item;
  const other = items.find(({ name }) => name !== undefined && option?.excludes?.includes(name));
  if (other !== undefined)
    throw usage(`${origin(item)} and ${origin(other)} exclude each other`, 'leave one of them out');
  if (option?.needs !== undefined && !has(items, option.needs))
    throw usage(`${origin(item)} needs ${option.needs}`, `give ${option.needs} too, or leave it out`);
}

function requirePositional(items: readonly Item[]): void {
  const [secret, name, ...more] = positional(items);
  if (secret === undefined || items.some(isUnknown)) return; // whose values they may be
  const file = (more[0] ?? name ?? secret).word.argument;
  if (name === undefined || more.length > 0) {
    const remedy =
      file.lines === undefined
        ? 'write -secret SECRET -name NAME'
        : `leave only one line in ${file.text.slice(1)}, or only agent.jar's options`;
    throw usage(
      `agent.jar takes a secret and a name without options, not ${positional(items).length}`,
      remedy,
    );
  }
  for (const [option, what] of [
    ['-secret', 'the secret'],
    ['-name', 'the name'],
  ] as const) {
    const [twice] = itemsOf(items, option);
    if (twice !== undefined)
      throw usage(`${what} is given twice: as ${origin(twice)}, and by its place`, 'leave one of them out');
  }
}

function requireInbound(items: readonly Item[]): void {
  const urls = itemsOf(items, '-url');
  if (has(items, '-webSocket') && urls.length > 1)
    throw usage(
      `-webSocket takes a single -url: ${urls.map(origin).join(' and ')} are ${urls.length}`,
      'leave the others out',
    );
  if (has(items, '-jnlpUrl') || items.some(isUnknown) || positional(items).length > 0) return;
  for (const [option, variable] of [
    ['-secret', 'JENKINS_SECRET'],
    ['-name', 'JENKINS_NAME'],
  ] as const)
    if (!has(items, option)) throw usage(`${option} is missing`, `give it, or set ${variable}`);
}

/**
 * Without an address agent.jar speaks over its standard input, as a controller does that starts it by ssh. Where that is
 * a terminal or /dev/null there is nobody: it would end at once, or wait for ever.
 */
function requireSomebodyToTalkTo(items: readonly Item[]): void {
  if (has(items, '-tcp') || has(items, '-connectTo') || items.some(isUnknown)) return;
  const identity = items.find(({ name }) => name === undefined || name === '-secret' || name === '-name');
  if (identity === undefined && (has(items, '-text') || !fstatSync(0).isCharacterDevice())) return;
  throw usage('there is no -url: the agent does not know its controller', 'give it, or set JENKINS_URL');
}

/** Whether an option is none that we know. */
export const isUnknown = ({ name, option }: Item): boolean => name !== undefined && option === undefined;

const usage = (sentence: string, remedy = usageHint('bailey help agent')): Failure =>
  new Failure('usage', sentence, remedy);
