import type { Command } from 'commander';
import { readDuration } from '../../terminal/duration.ts';
import { Failure } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { say } from '../../terminal/run-program.ts';
import { shown } from '../../terminal/shown.ts';
import type { Role } from '../health/jenkins-process.ts';
import type { Verdict } from '../health/verdict.ts';

/** What the command line and the variables ask for. */
interface Asked {
  readonly role: Role | undefined;
  readonly urls: readonly URL[];
  readonly timeoutMs: number;
}

/**
 * `bailey health`: one line, and 0 when the container's controller or agent is well, else 1: what HEALTHCHECK
 * understands. An engine runs it every few seconds for as long as the container lives: commander stays out of it.
 * @throws Failure 64 for a wrong command line, 78 for a wrong variable
 */
export async function health(args: readonly string[]): Promise<number> {
  const { env } = process;
  const asked = readAsked(args, env);
  const { checkHealth } = await import('../health/check-health.ts');
  const verdict = await checkHealth({ ...asked, env }).catch(asVerdict);
  if (verdict.healthy) await print(`${verdict.reason}\n`);
  else say('bailey', verdict.reason);
  return verdict.healthy ? 0 : 1;
}

/** What keeps us from looking is no health. */
function asVerdict(thrown: unknown): Verdict {
  if (thrown instanceof Failure) return { healthy: false, reason: thrown.message };
  throw thrown;
}

function readAsked(args: readonly string[], env: Readonly<NodeJS.ProcessEnv>): Asked {
  const given = new Map<string, string[]>([
    ['--role', []],
    ['--timeout', []],
    ['--url', []],
  ]);
  for (let at = 0; at < args.length; at++) {
    const [, name = '', attached] = /^(--[^=]+)(?:=(.*))?$/s.exec(args[at] ?? '') ?? [];
    const values = given.get(name);
    if (values === undefined) throw usage(`unknown argument ${shown(args[at] ?? '')}`);
    const value = attached ?? args[++at];
    if (value === undefined || value === '') throw usage(`${name} needs a value`);
    values.push(value);
  }
  const [role, timeout] = [given.get('--role')?.at(-1), given.get('--timeout')?.at(-1)];
  const urls = given.get('--url') ?? [];
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

/** Below the 30 s that Docker gives a check: ours says why it gave up. */
const defaultTimeout = '5s';

function readRole(name: string, text: string | undefined, kind: 'usage' | 'config'): Role | undefined {
  if (text === undefined || text === 'controller' || text === 'agent') return text;
  throw new Failure(kind, `${name} ${shown(text)} is no role`, 'write controller or agent');
}

function readTimeout(name: string, text: string, kind: 'usage' | 'config'): number {
  const timeoutMs = readDuration(name, text, kind);
  // The longest that a timer of Node's can wait is 24 days; nobody waits an hour for a check.
  if (timeoutMs > 0 && timeoutMs <= 3_600_000) return timeoutMs;
  throw new Failure(kind, `${name} ${shown(text)} is out of range`, 'write more than 0 and at most 1h');
}

/**
 * The root of a controller: with a slash at the end, so that pages are below it; without a login, which nobody asks for,
 * and which many could read in the health log.
 */
function readUrl(name: string, text: string, kind: 'usage' | 'config'): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new Failure(
      kind,
      `${name} ${shown(text)} is no address of a controller`,
      'write http://HOST:PORT/PATH or https://HOST:PORT/PATH',
    );
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  url.username = '';
  url.password = '';
  return url;
}

const usage = (sentence: string): Failure => new Failure('usage', sentence, 'try bailey health --help');

/** For the help only: bailey.ts runs this command before commander is loaded. */
export function describeHealth(program: Command): void {
  program
    .command('health')
    .summary('check the controller or agent of this container, for HEALTHCHECK')
    .description('check the controller or agent of this container, for HEALTHCHECK')
    .helpOption('--help', 'print this')
    .option('--role ROLE', 'controller or agent; else what runs here decides (BAILEY_HEALTH_ROLE)')
    .option('--timeout TIME', 'how long a controller may take to answer: 5s (BAILEY_HEALTH_TIMEOUT)')
    .option(
      '--url URL',
      'where the controller is, instead of what java was started with; may be repeated (BAILEY_HEALTH_URL)',
    )
    .addHelpText('after', details);
}

const details = `
A controller is well when GET /health answers 200, or before Jenkins 2.506 /login.
An agent is well when its java has an established connection to the controller.

Exit status: 0 well, 1 not, with the reason in one line; 64 wrong usage, 78 a wrong variable.

  HEALTHCHECK --start-period=5m CMD ["bailey", "health"]`;
