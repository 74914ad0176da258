import type { Command } from 'commander';
import { readDuration } from '../../terminal/duration.ts';
import { Failure } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { quoted } from '../../terminal/quoted.ts';
import { logLine } from '../../terminal/run-main.ts';
import { optionHelp } from '../../terminal/setting.ts';
import { usageHint } from '../../terminal/usage-hint.ts';
import type { HealthResult } from '../health/health-result.ts';
import type { Role } from '../health/jenkins-process.ts';
import { defaultTimeout, healthSettings } from '../health/settings.ts';

interface HealthOptions {
  readonly role: Role | undefined;
  readonly urls: readonly URL[];
  readonly timeoutMs: number;
}

/**
 * `bailey health`: prints one line and returns 0 when the container's controller or agent is healthy, else 1, as
 * HEALTHCHECK expects. An engine runs it every few seconds, so it parses its arguments without commander.
 * @throws Failure 64 for a wrong command line, 78 for a wrong variable
 */
export async function health(args: readonly string[]): Promise<number> {
  const { env } = process;
  const options = readHealthOptions(args, env);
  const { checkHealth } = await import('../health/check-health.ts');
  const result = await checkHealth({ ...options, env }).catch(failureAsResult);
  if (result.healthy) await print(`${result.reason}\n`);
  else logLine('bailey', result.reason);
  return result.healthy ? 0 : 1;
}

/** A check that cannot be made is reported as unhealthy. */
function failureAsResult(thrown: unknown): HealthResult {
  if (thrown instanceof Failure) return { healthy: false, reason: thrown.message };
  throw thrown;
}

function readHealthOptions(args: readonly string[], env: Readonly<NodeJS.ProcessEnv>): HealthOptions {
  const options = parseOptions(args);
  const [role, timeout] = [options.get('--role')?.at(-1), options.get('--timeout')?.at(-1)];
  const urls = options.get('--url') ?? [];
  const urlVariable = (env['BAILEY_HEALTH_URL'] ?? '').split(' ').filter((url) => url !== '');
  return {
    role:
      role === undefined
        ? readRole('BAILEY_HEALTH_ROLE', env['BAILEY_HEALTH_ROLE'] || undefined, 'config')
        : readRole('--role', role, 'usage'),
    urls:
      urls.length > 0
        ? urls.map((url) => readUrl('--url', url, 'usage'))
        : urlVariable.map((url) => readUrl('BAILEY_HEALTH_URL', url, 'config')),
    timeoutMs:
      timeout === undefined
        ? readTimeout('BAILEY_HEALTH_TIMEOUT', env['BAILEY_HEALTH_TIMEOUT'] || defaultTimeout, 'config')
        : readTimeout('--timeout', timeout, 'usage'),
  };
}

/** @returns the values of each option, in order */
function parseOptions(args: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const options = new Map(healthSettings.map(({ option }): [string, string[]] => [option ?? '', []]));
  for (let at = 0; at < args.length; at++) {
    const [, name = '', attached] = /^(--[^=]+)(?:=(.*))?$/s.exec(args[at] ?? '') ?? [];
    const values = options.get(name);
    if (values === undefined) throw usage(`unknown argument ${quoted(args[at] ?? '')}`);
    const value = attached ?? args[++at];
    if (value === undefined || value === '') throw usage(`${name} needs a value`);
    values.push(value);
  }
  return options;
}

function readRole(name: string, text: string | undefined, kind: 'usage' | 'config'): Role | undefined {
  if (text === undefined || text === 'controller' || text === 'agent') return text;
  throw new Failure(kind, `${name} ${quoted(text)} is not a role`, 'use controller or agent');
}

function readTimeout(name: string, text: string, kind: 'usage' | 'config'): number {
  const timeoutMs = readDuration(name, text, kind);
  // The limit keeps the value below that of Node's timers, 24 days.
  if (timeoutMs > 0 && timeoutMs <= 3_600_000) return timeoutMs;
  throw new Failure(kind, `${name} ${quoted(text)} is out of range`, 'use more than 0 and at most 1h');
}

/**
 * Returns the root URL of a controller, with a slash at its end so that pages can be appended. A user name and password are
 * removed: the check needs no login, and the health log would show them.
 */
function readUrl(name: string, text: string, kind: 'usage' | 'config'): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new Failure(
      kind,
      `${name} ${quoted(text)} is not the URL of a controller`,
      'use http://HOST:PORT/PATH or https://HOST:PORT/PATH',
    );
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  url.username = '';
  url.password = '';
  return url;
}

const usage = (sentence: string): Failure =>
  new Failure('usage', sentence, usageHint('bailey health --help'));

/** Help only: bailey.ts runs this command without loading commander. */
export function addHealthHelp(program: Command): void {
  program
    .command('health')
    .description('check the controller or agent of this container, for HEALTHCHECK')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', details);
}

const details = `
Options and their variables:
${optionHelp(healthSettings)}

A controller is healthy when GET /health answers 200; before Jenkins 2.506, when /login answers.
An agent is healthy when its java has an established connection to the controller.

Exit status: 0 healthy; 1 unhealthy, with the reason in one line; 64 wrong usage; 78 wrong variable.

  HEALTHCHECK --start-period=5m CMD ["bailey", "health"]`;
