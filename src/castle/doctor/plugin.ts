import { existsSync, lstatSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { namespaceOf } from '../../linux/proc.ts';
import { type Finding, missing, ok } from './finding.ts';

/**
 * What the castle needs to be an engine's volume driver. That the engine itself is in the same mount namespace can only be
 * told when it asks; on most hosts it is in that of process 1.
 * @param socket absolute path
 */
export function pluginFindings(socket: string): readonly Finding[] {
  const what = `volume driver ${basename(socket, '.sock')}`;
  if (!socket.endsWith('.sock')) {
    return [
      missing(what, `${socket} does not end with .sock: no engine looks for it`, 'give another --plugin'),
    ];
  }
  if (existsSync(socket) && !lstatSync(socket).isSocket()) {
    return [missing(what, `${socket} is there and not a socket`, 'take it away, or give another --plugin')];
  }
  try {
    if (namespaceOf('self', 'mnt') !== namespaceOf(1, 'mnt')) {
      const remedy = 'run the castle as a service without PrivateMounts and its like';
      return [missing(what, 'in a mount namespace of its own, where the engine sees no mount', remedy)];
    }
  } catch {
    // That of process 1 cannot be looked at: the castle compares itself with the engine at each mount anyway.
  }
  return [ok(what, `on ${socket}, for the engine that looks in ${dirname(socket)}`)];
}
