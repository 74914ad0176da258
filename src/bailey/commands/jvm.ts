import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { Failure } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { printable, printableJson } from '../../terminal/printable.ts';
import { settingOption } from '../../terminal/setting-option.ts';
import { readLimits, readMemoryInUse } from '../container/limits.ts';
import { parseJavaSize } from '../jvm/java-size.ts';
import { formatJvmReport, reportJvm } from '../jvm/jvm-report.ts';
import { jvmSettings } from '../jvm/settings.ts';
import type { Role } from '../jvm/split-memory.ts';
import { requireProgram } from '../launch/find-program.ts';

interface JvmOptions {
  /** Bytes. */
  readonly limit?: number;
  readonly role: Role;
  readonly json?: boolean;
}

/** `bailey jvm`: prints which options java would get in this container, or with another limit, and why. */
export function addJvmCommand(program: Command): void {
  program
    .command('jvm')
    .description('show the java options derived from the limits of this container, and why')
    .helpOption('-h, --help', 'print this help')
    .addOption(settingOption(jvmSettings, '--limit').argParser(parseLimit))
    .addOption(settingOption(jvmSettings, '--role').choices(['controller', 'agent']).default('controller'))
    .addOption(settingOption(jvmSettings, '--json'))
    .addHelpText(
      'after',
      '\nReads the same variables as bailey jenkins and bailey agent. Starts nothing and changes nothing.',
    )
    .action(async ({ limit, role, json }: JvmOptions) => {
      const { env } = process;
      const found = readLimits();
      const limits = limit === undefined ? found : { ...found, memory: { bytes: limit, file: '--limit' } };
      const usedBytes = readMemoryInUse();
      const report = reportJvm({ role, limits, usedBytes, env, ...(await findJavaAndBase(role, env)) });
      const text =
        json === true
          ? printableJson(JSON.stringify(report, null, 2))
          : printableLines(formatJvmReport(report));
      await print(`${text}\n`);
    });
}

/** Returns the java that a launch would start, and the directory that would contain its heap dumps. */
async function findJavaAndBase(role: Role, env: NodeJS.ProcessEnv) {
  if (role === 'agent') {
    const { readAgentConfig } = await import('../agent/agent-config.ts');
    const { javaName } = await import('../agent/launch-agent.ts');
    const config = readAgentConfig(env);
    const base = config.workDir && resolve(config.workDir);
    return { java: fileOrFault(() => requireProgram(javaName(config), env['PATH'])), base };
  }
  const { readControllerConfig } = await import('../controller/controller-config.ts');
  const { findJava } = await import('../controller/find-java.ts');
  const { javaHome, home } = readControllerConfig(env);
  return { java: fileOrFault(() => findJava(javaHome, env['PATH'])), base: home };
}

/** A missing java is part of the report: the limits can be shown without it. */
function fileOrFault(find: () => string): { readonly file: string } | { readonly fault: string } {
  try {
    return { file: find() };
  } catch (thrown) {
    if (thrown instanceof Failure) return { fault: thrown.sentence };
    throw thrown;
  }
}

const printableLines = (lines: readonly string[]): string =>
  lines.flatMap((line) => line.split('\n').map(printable)).join('\n');

/** The smallest limit to report on, in bytes: java cannot start in a smaller container. */
const minLimitBytes = 16 * 2 ** 20;

function parseLimit(text: string): number {
  const bytes = parseJavaSize(text);
  if (bytes !== undefined && bytes >= minLimitBytes) return bytes;
  throw new InvalidArgumentError('It must be a size of at least 16m, such as 512m or 2G.');
}
