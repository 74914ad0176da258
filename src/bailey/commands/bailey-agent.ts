import { type Native, useNative } from '../../linux/native-addon.ts';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { runProgram } from '../../terminal/run-main.ts';
import { agent } from './agent.ts';

/** The values that native/inject/node.c inserts before the command-line arguments. */
interface Injected {
  /** File descriptor of the addon, a memfd. */
  readonly addon: string;
  /** NAME=VALUE of NODE_OPTIONS, which was hidden from this Node, or empty. */
  readonly nodeOptions: string;
  /** LD_PRELOAD=VALUE that Node was started with, or empty. */
  readonly preload: string;
  /** The original LD_PRELOAD, as NAME=VALUE, or empty. */
  readonly heldPreload: string;
  readonly args: readonly string[];
}

const infoOptions: ReadonlySet<string> = new Set(['-h', '--help', '-V', '--version']);

/**
 * `bailey-agent [ARGS…]`, the single-file agent, does the same as `bailey agent [ARGS…]`. It has separate help, because its
 * image does not contain `bailey`. process.execPath is this file, which cannot run scripts as Node can.
 */
async function main(argv: readonly string[]): Promise<undefined> {
  const { addon, args, ...held } = takeInjected(argv);
  restoreEnvironment(held);
  const [first] = args;
  if (args.length === 1 && first !== undefined && infoOptions.has(first)) return printInfo(first);
  useNative(loadAddon(`/proc/self/fd/${addon}`));
  return agent(args);
}

function takeInjected(argv: readonly string[]): Injected {
  // The first four arguments are node and the position of the bundle; only the loader needs them.
  const [, , , , addon = '', nodeOptions = '', preload = '', heldPreload = '', ...args] = argv;
  return { addon, nodeOptions, preload, heldPreload, args };
}

/** Restores the environment for the program that we become. */
function restoreEnvironment({ nodeOptions, preload, heldPreload }: Omit<Injected, 'addon' | 'args'>): void {
  if (preload !== '') delete process.env['LD_PRELOAD'];
  for (const variable of [nodeOptions, heldPreload]) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(variable) ?? [];
    if (name !== undefined) process.env[name] = value;
  }
}

function loadAddon(file: string): Native {
  const module = { exports: {} };
  try {
    process.dlopen(module, file);
  } catch (cause) {
    const reason = errorMessage(cause);
    throw new Failure('config', `the addon in this file cannot be loaded: ${reason}`, undefined, { cause });
  }
  return module.exports as Native;
}

async function printInfo(option: string): Promise<undefined> {
  const { baileyAgentProgram } = await import('./program.ts');
  const { runCommandLine } = await import('../../terminal/command-line.ts');
  await runCommandLine(baileyAgentProgram(), ['node', 'bailey-agent', option]);
}

void runProgram('bailey', () => main(process.argv));
