/**
 * The generated tables of docs/. scripts/docs.js writes each table into the pages that name it.
 */
import { readFileSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { Registry } from 'prom-client';
import { agentImageSettings, agentOptions, agentVariables } from '../../src/bailey/agent/settings.ts';
import { baileyProgram } from '../../src/bailey/commands/program.ts';
import {
  castleClientSettings,
  controllerImageSettings,
  controllerOptions,
} from '../../src/bailey/controller/settings.ts';
import { healthSettings } from '../../src/bailey/health/settings.ts';
import { jvmSettings, jvmSizingSettings } from '../../src/bailey/jvm/settings.ts';
import { describeCastle } from '../../src/castle/commands/program.ts';
import { type EventName, eventLevels } from '../../src/castle/events/event.ts';
import { eventMeanings } from '../../src/castle/events/event-meanings.ts';
import { Metrics } from '../../src/castle/events/metrics.ts';
import * as contract from '../../src/protocol/contract.ts';
import { exitCodes } from '../../src/terminal/failure.ts';
import type { Setting } from '../../src/terminal/setting.ts';
import { code, markdownTable, type Row } from './markdown.ts';
import { openApi } from './openapi.ts';

export const tables: Readonly<Record<string, () => string | Promise<string>>> = {
  'bailey-commands': () => commandTable(baileyProgram()),
  'jenkins-options': () => settingOptions(controllerOptions),
  'jenkins-environment': () =>
    settingVariables([...controllerImageSettings, ...jvmSizingSettings, ...castleClientSettings]),
  'agent-options': () => settingOptions(agentOptions),
  'agent-environment': () =>
    settingVariables([...agentImageSettings, ...agentVariables, ...jvmSizingSettings]),
  'health-options': () => settingOptions(healthSettings),
  'jvm-options': () => settingOptions(jvmSettings),
  'castle-commands': () => commandTable(describeCastle()),
  'castle-settings': () => optionTable(commandOf(describeCastle(), 'serve')),
  'exit-codes': exitCodeTable,
  events: eventTable,
  metrics: metricTable,
  'http-routes': routeTable,
  'http-schemas': schemaTables,
  'refusal-codes': refusalTable,
};

/** Every command that is not hidden, with its arguments and description. */
function commandTable(program: Command): string {
  const rows: Row[] = [];
  const add = (command: Command, path: string) => {
    const { commands } = command;
    const shown = command
      .createHelp()
      .visibleCommands(command)
      .filter((child) => child.name() !== 'help');
    if (commands.length === 0) rows.push([code(`${path} ${command.usage()}`), command.description()]);
    for (const child of shown) add(child, `${path} ${child.name()}`);
  };
  add(program, program.name());
  return markdownTable(['command', 'what it does'], rows);
}

function commandOf(program: Command, name: string): Command {
  const command = program.commands.find((child) => child.name() === name);
  if (command === undefined) throw new Error(`${program.name()} has no command ${name}`);
  return command;
}

/** The options that commander has of a command. */
function optionTable(command: Command): string {
  const rows = command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .map((option): Row => [code(option.flags), defaultOf(option), meaningOf(option)]);
  return markdownTable(['option', 'default', 'meaning'], rows);
}

const defaultOf = ({ defaultValue }: Option): string =>
  defaultValue === undefined ? '' : code(String(defaultValue));

const meaningOf = ({ description, argChoices }: Option): string =>
  argChoices === undefined ? description : `${description} (${argChoices.map(code).join(', ')})`;

/** The settings that have an option. */
function settingOptions(settings: readonly Setting[]): string {
  const rows = settings.flatMap(({ option, placeholder, variable, default: value, meaning }): Row[] =>
    option === undefined
      ? []
      : [[code([option, placeholder].filter(Boolean).join(' ')), code(variable ?? ''), value ?? '', meaning]],
  );
  return markdownTable(['option', 'variable', 'default', 'meaning'], rows);
}

/** The settings that have a variable. */
function settingVariables(settings: readonly Setting[]): string {
  const rows = settings.flatMap(({ variable, default: value, meaning }): Row[] =>
    variable === undefined ? [] : [[code(variable), value ?? '', meaning]],
  );
  return markdownTable(['variable', 'default', 'meaning'], rows);
}

/** The meanings are the comments after the codes. */
function exitCodeTable(): string {
  const source = readFileSync('src/terminal/failure.ts', 'utf8');
  const rows = Object.entries(exitCodes).map(([name, exitCode]): Row => {
    const [, meaning] = new RegExp(`/\\*\\* ([^*]+?)\\.? \\*/\\s+${name}: ${exitCode}`).exec(source) ?? [];
    if (meaning === undefined) throw new Error(`src/terminal/failure.ts does not say what ${name} means`);
    return [String(exitCode), meaning];
  });
  const others: Row[] = [
    ['70', 'An internal fault of Bailey; please report it'],
    ['128+n', 'Signal n ended the preparation; storage has been given back'],
  ];
  const sorted = [...rows, ...others].sort(
    ([a = ''], [b = '']) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
  );
  return markdownTable(['exit code', 'meaning'], sorted);
}

function eventTable(): string {
  const rows = (Object.keys(eventLevels) as EventName[]).map(
    (event): Row => [code(event), eventLevels[event], eventMeanings[event]],
  );
  return markdownTable(['event', 'level', 'meaning'], rows);
}

/** The metrics that the castle registers with prom-client. */
function metricTable(): string {
  const rows: Row[] = [];
  const register = Registry.prototype.registerMetric;
  Registry.prototype.registerMetric = (metric) => {
    const { name, help, labelNames } = metric as unknown as {
      readonly name: string;
      readonly help: string;
      readonly labelNames: readonly string[];
    };
    const type = metric.constructor.name.toLowerCase();
    rows.push([code(name), type, labelNames.map(code).join(', '), help]);
  };
  try {
    new Metrics('').addState({} as Parameters<Metrics['addState']>[0]);
  } finally {
    Registry.prototype.registerMetric = register;
  }
  return markdownTable(['metric', 'type', 'labels', 'meaning'], rows);
}

async function routeTable(): Promise<string> {
  const { paths } = await openApi();
  const rows = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { summary = '' }]): Row => [code(`${method.toUpperCase()} ${path}`), summary],
    ),
  );
  return markdownTable(['request', 'what it does'], rows);
}

/** The part of a JSON schema that the tables show. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
}

/** The bodies of requests and answers: a table for each object that src/protocol/contract.ts exports. */
function schemaTables(): string {
  return Object.entries(contract as Readonly<Record<string, unknown>>)
    .filter((entry): entry is [string, Schema] => isObjectSchema(entry[1]))
    .map(([name, schema]) => `### ${name}\n\n${fieldTable(schema)}`)
    .join('\n\n');
}

const isObjectSchema = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'properties' in value;

function fieldTable(schema: Schema): string {
  return markdownTable(['field', 'type', 'required', 'meaning'], fieldRows(schema, ''));
}

function fieldRows({ properties = {}, required = [] }: Schema, prefix: string): readonly Row[] {
  return Object.entries(properties).flatMap(([name, field]) => [
    [
      code(`${prefix}${name}`),
      typeName(field),
      required.includes(name) ? 'yes' : '',
      field.description ?? '',
    ],
    ...fieldRows(field.items ?? field, `${prefix}${name}${field.items === undefined ? '' : '[]'}.`),
  ]);
}

function typeName({ type, items, enum: values }: Schema): string {
  if (values !== undefined) return values.map((value) => code(JSON.stringify(value))).join(' or ');
  return type === 'array' ? `array of ${typeName(items ?? {})}` : (type ?? unnamed());
}

function unnamed(): never {
  throw new Error('a field in src/protocol/contract.ts has a schema whose type has no name');
}

/** The comments after the codes have the HTTP status and the meaning. */
function refusalTable(): string {
  const source = readFileSync('src/protocol/contract.ts', 'utf8');
  const rows = [...source.matchAll(/\| '(\w+)';? \/\/ (\d{3})(?:: (.*))?/g)].map(
    ([, name = '', status = '', meaning = '']): Row => [code(name), status, meaning],
  );
  return markdownTable(['code', 'HTTP status', 'meaning'], rows);
}
