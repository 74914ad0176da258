import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Failure } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { printable, printableJson } from '../../terminal/printable.ts';
import { readLimits, readMemoryInUse } from '../container/limits.ts';
import { parseSize } from '../jvm/java-size.ts';
import { reportJvm, reportLines } from '../jvm/report.ts';
import type { Role } from '../jvm/split-memory.ts';
import { requireProgram } from '../launch/program.ts';

interface JvmOptions {
  /** Bytes. */
  readonly limit?: number;
  readonly role: Role;
  readonly json?: boolean;
}

/** `bailey jvm`: which options java would get in this container, or with another limit, and why. Changes nothing. */
export function addJvm(program: Command): void {
  program
    .command('jvm')
    .description('show what java would get from the limits of this container, and why')
    .helpOption('--help', 'print this')
    .option('--limit <SIZE>', 'as if this were the memory limit: 512m, 2G', size)
    .addOption(
      new Option('--role <ROLE>', 'what java is for').choices(['controller', 'agent']).default('controller'),
    )
    .option('--json', 'print the report as one JSON document')
    .addHelpText(
      'after',
      '\nReads the same environment as bailey jenkins and bailey agent, and does nothing.',
    )
    .action(async ({ limit, role, json }: JvmOptions) => {
      const { env } = process;
      const found = readLimits();
      const limits = limit === undefined ? found : { ...found, memory: { bytes: limit, file: '--limit' } };
      const usedBytes = readMemoryInUse();
      const report = reportJvm({ role, limits, usedBytes, env, ...(await launchOf(role, env)) });
      const text =
        json === true ? printableJson(JSON.stringify(report, null, 2)) : readable(reportLines(report));
      await print(`${text}\n`);
    });
}

/** The java that a launch would start, and the folder that it would keep heap dumps below. */
async function launchOf(role: Role, env: NodeJS.ProcessEnv) {
  if (role === 'agent') {
    const { readAgentConfig } = await import('../agent/environment.ts');
    const { javaName } = await import('../agent/agent.ts');
    const config = readAgentConfig(env);
    const base = config.workDir && resolve(config.workDir);
    return { java: orFault(() => requireProgram(javaName(config), env['PATH'])), base };
  }
  const { readControllerConfig } = await import('../controller/environment.ts');
  const { findJava } = await import('../controller/java.ts');
  const { javaHome, home } = readControllerConfig(env);
  return { java: orFault(() => findJava(javaHome, env['PATH'])), base: home };
}

/** Without a java there is still something to say about the limits. */
function orFault(find: () => string): { readonly file: string } | { readonly fault: string } {
  try {
    return { file: find() };
  } catch (thrown) {
    if (thrown instanceof Failure) return { fault: thrown.sentence };
    throw thrown;
  }
}

const readable = (lines: readonly string[]): string =>
  lines.flatMap((line) => line.split('\n').map(printable)).join('\n');

/** Less than this is no container that java could start in. */
const leastLimit = 16 * 2 ** 20;

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= leastLimit) return bytes;
  throw new InvalidArgumentError('It must be a size of at least 16m, such as 512m or 2G.');
}
