import { basename } from 'node:path';

/**
 * Programs that, as PID 1, reap every process they adopt. Shells are left out on purpose: they reap only while they wait
 * for a command, and never again after they have exec'ed the last one. java, node, python and the like only wait for the
 * children that they started themselves.
 */
const knownInits: ReadonlySet<string> = new Set([
  'bailey-init',
  'tini',
  'tini-static',
  'docker-init',
  'podman-init',
  'catatonit',
  'dumb-init',
  'systemd',
  'init',
  's6-svscan',
  's6-linux-init',
  'runit',
  'runit-init',
  'openrc-init',
  'procd',
  'finit',
  'dinit',
  'my_init',
  'supervisord',
  'horust',
  'pid1',
  'pause',
  'conmon',
]);

/**
 * Whether a process is a program known to reap adopted children.
 * @param name the process's name, which the kernel truncates to 15 bytes and a program may change
 * @param executable the target of /proc/PID/exe if readable; it ends with ` (deleted)` after an upgrade
 * @param commandLine for interpreted programs (my_init, supervisord), which are identified by their script
 */
export function isKnownInit(
  name: string,
  executable: string | undefined,
  commandLine: readonly string[],
): boolean {
  const candidates = [name, basename(executable?.replace(/ \(deleted\)$/, '') ?? '')];
  const [first = '', second = ''] = commandLine;
  if (/^(python|ruby|perl)/.test(basename(first))) candidates.push(basename(second));
  return candidates.some((candidate) => knownInits.has(candidate));
}
