import { spawnSync } from 'node:child_process';
import { findProgram } from '../src/bailey/launch/find-program.ts';
import { native } from '../src/linux/native-addon.ts';
import { errorMessage, Failure } from '../src/terminal/failure.ts';

/** The programs of util-linux that create a container from namespaces. */
const tools = ['unshare', 'nsenter', 'setpriv'];

/**
 * Checks that namespaces can be created. Without root, the demo moves into a user namespace, where it is root: this
 * process executes `unshare -Urm`, which executes the demo again, with the same process id.
 * @throws Failure unavailable when the kernel or its settings do not allow it
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

/** Moves into a user namespace, whose root may create all other namespaces. */
function becomeRoot(env: Readonly<NodeJS.ProcessEnv>, argv: readonly string[]): void {
  const unshare = findProgram('unshare', env['PATH']);
  const refusal = refusalOf(['-Urm']);
  if (refusal !== undefined || 'fault' in unshare) {
    throw new Failure(
      'unavailable',
      `this machine does not allow user namespaces (${refusal})`,
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

/** Checks that this root can create namespaces: root in a container lacks CAP_SYS_ADMIN. */
function requireContainers(): void {
  const refusal = refusalOf(['--pid', '--mount', '--ipc', '--uts', '--fork', '--mount-proc']);
  if (refusal === undefined) return;
  throw new Failure(
    'unavailable',
    `this machine does not allow new namespaces (${refusal})`,
    'run the demo outside a container, or in one started with --privileged',
  );
}

/** @returns the error message of unshare, or undefined when it works */
function refusalOf(args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync('unshare', [...args, 'sh', '-c', ':'], { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}
