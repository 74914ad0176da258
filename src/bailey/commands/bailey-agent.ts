import { type Native, useNative } from '../../linux/native-addon.ts';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { runProgram } from '../../terminal/run-program.ts';
import { agent } from './agent.ts';

/** What native/inject/node.c puts before the arguments that we were given. */
interface Injected {
  /** Descriptor of the addon's file in memory. */
  readonly addon: string;
  /** NAME=VALUE of what Node itself was not to see, or empty. */
  readonly nodeOptions: string;
  /** LD_PRELOAD=VALUE that Node was started with, or empty. */
  readonly preload: string;
  /** The LD_PRELOAD that it stands in for, as NAME=VALUE, or empty. */
  readonly heldPreload: string;
  readonly args: readonly string[];
}

const infoOptions: ReadonlySet<string> = new Set(['-h', '--help', '-V', '--version']);

/**
 * `bailey-agent [ARGS…]`, the agent that is one file: `bailey agent [ARGS…]`, without `agent` and with help of its own,
 * since nobody else in such an image has any. Here process.execPath is this same file, and not a Node for scripts.
 */
async function main(argv: readonly string[]): Promise<undefined> {
  const { addon, args, ...held } = takeInjected(argv);
  giveBack(held);
  const [first] = args;
  if (args.length === 1 && first !== undefined && infoOptions.has(first)) return printInfo(first);
  useNative(loadAddon(`/proc/self/fd/${addon}`));
  return agent(args);
}

function takeInjected(argv: readonly string[]): Injected {
  // node, and where the bundle is, which the loader has used
  const [, , , , addon = '', nodeOptions = '', preload = '', heldPreload = '', ...args] = argv;
  return { addon, nodeOptions, preload, heldPreload, args };
}

/** Restores the environment for the program that we become. */
function giveBack({ nodeOptions, preload, heldPreload }: Omit<Injected, 'addon' | 'args'>): void {
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
    const why = errorMessage(cause);
    throw new Failure('config', `the addon in this file cannot be loaded: ${why}`, undefined, { cause });
  }
  return module.exports as Native;
}

async function printInfo(option: string): Promise<undefined> {
  const { baileyAgentProgram } = await import('./program.ts');
  const { runCommandLine } = await import('../../terminal/command-line.ts');
  await runCommandLine(baileyAgentProgram(), ['node', 'bailey-agent', option]);
}

void runProgram('bailey', () => main(process.argv));
