import { spawnSync } from 'node:child_process';
import { findProgram } from '../src/bailey/launch/program.ts';
import { native } from '../src/linux/native-addon.ts';
import { errorMessage, Failure } from '../src/terminal/failure.ts';

/** The programs of util-linux that make a container out of namespaces. */
const tools = ['unshare', 'nsenter', 'setpriv'];

/**
 * Sees to it that namespaces can be made here. Without root the whole demo goes into a user namespace, where it is
 * root: this process becomes `unshare -Urm` and then the demo again, under the same number.
 * @throws Failure unavailable when the kernel, or whoever runs this machine, does not allow it
 */
export function requireNamespaces(env: Readonly<NodeJS.ProcessEnv>, argv: readonly string[]): void {
  for (const tool of tools) {
    if ('fault' in findProgram(tool, env['PATH'])) {
      throw new Failure('unavailable', `the demo needs ${tool}`, 'install the package util-linux');
    }
  }
  if (process.getuid?.() === 0) requireContainers();
  else becomeRoot(env, argv);
}

/** Goes into a user namespace, whose root may make all the others. */
function becomeRoot(env: Readonly<NodeJS.ProcessEnv>, argv: readonly string[]): void {
  const unshare = findProgram('unshare', env['PATH']);
  const refusal = tryOut(['-Urm']);
  if (refusal !== undefined || 'fault' in unshare) {
    throw new Failure(
      'unavailable',
      `user namespaces are refused here (${refusal})`,
      'run the demo as root, or allow them: sysctl kernel.unprivileged_userns_clone=1 (Debian), ' +
        'sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)',
    );
  }
  try {
    native().exec(unshare.file, ['unshare', '-Urm', '--', process.execPath, ...argv]);
  } catch (thrown) {
    throw new Failure('unavailable', `unshare cannot be started: ${errorMessage(thrown)}`);
  }
}

/** Root in a container of an engine is not enough: it lacks CAP_SYS_ADMIN. */
function requireContainers(): void {
  const refusal = tryOut(['--pid', '--mount', '--ipc', '--uts', '--fork', '--mount-proc']);
  if (refusal === undefined) return;
  throw new Failure(
    'unavailable',
    `containers cannot be made here (${refusal})`,
    'run the demo on a machine, or in a container started with --privileged',
  );
}

/** @returns what unshare complains about, or undefined when it works */
function tryOut(args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync('unshare', [...args, 'sh', '-c', ':'], { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}
