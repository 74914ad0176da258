import { existsSync, lstatSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { namespaceOf } from '../../linux/proc.ts';
import { type Finding, missing, ok } from './finding.ts';

/**
 * Checks what the castle needs to be an engine's volume driver. The engine must be in the castle's mount namespace. The
 * engine's namespace is known only when the engine calls, so this check uses process 1, which shares it on most hosts.
 * @param socket absolute path
 */
export function pluginFindings(socket: string): readonly Finding[] {
  const what = `volume driver ${basename(socket, '.sock')}`;
  if (!socket.endsWith('.sock')) {
    return [missing(what, `${socket} does not end with .sock: engines ignore it`, 'set another --plugin')];
  }
  if (existsSync(socket) && !lstatSync(socket).isSocket()) {
    return [missing(what, `${socket} exists and is not a socket`, 'remove it, or set another --plugin')];
  }
  try {
    if (namespaceOf('self', 'mnt') !== namespaceOf(1, 'mnt')) {
      const remedy =
        'run the castle as a service without PrivateMounts= or another option that creates a mount namespace';
      return [
        missing(
          what,
          'the castle is not in the mount namespace of process 1, so the engine cannot use its mounts',
          remedy,
        ),
      ];
    }
  } catch {
    // The mount namespace of process 1 cannot be read. The castle compares its own with the engine's at each mount anyway.
  }
  return [ok(what, `${socket}, for an engine that searches ${dirname(socket)}`)];
}
