import { basename } from 'node:path';

/**
 * Programs that, as PID 1, reap whatever they adopt. Shells are not among them on purpose: they reap only while
 * they wait for a command, and not at all once they have exec'ed the last one. Nor are java, node, python and the
 * like, which wait for the children that they have started themselves.
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
 * @param name the process's name, cut at 15 bytes by the kernel; a program may change it
 * @param executable the target of /proc/PID/exe when it can be read; ` (deleted)` after an upgrade
 * @param commandLine interpreted programs (my_init, supervisord) are known only by their script
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
