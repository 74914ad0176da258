import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MountLine, mountsOf } from '../src/linux/mountinfo.ts';

/** The temporary folder that the demo lives in, and the places in it. */
export interface Workspace {
  readonly folder: string;
  /** The castle's socket. */
  readonly socket: string;
  /** What the castle must not forget. */
  readonly state: string;
  /** The castle's volumes: a folder each. */
  readonly volumes: string;
  /** JENKINS_HOME: the empty folder that the castle mounts a volume on, in the container. */
  readonly home: string;
  /** The reference folder of the "image". */
  readonly reference: string;
}

export function makeWorkspace(): Workspace {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'bailey-demo-'));
  const workspace = {
    folder,
    socket: join(folder, 'castle.sock'),
    state: join(folder, 'state'),
    volumes: join(folder, 'volumes'),
    home: join(folder, 'jenkins_home'),
    reference: join(folder, 'ref'),
  };
  mkdirSync(workspace.home);
  mkdirSync(workspace.reference);
  return workspace;
}

/** Mounts at or below a folder that are visible here: containers have a mount table of their own. */
export function mountsBelow(folder: string): readonly MountLine[] {
  const mounts = mountsOf('self');
  if (mounts === undefined) throw new Error('/proc/self/mountinfo cannot be read');
  return mounts.filter(({ point }) => point === folder || point.startsWith(`${folder}/`));
}

/** Removes the folder, unless something is mounted in it: what `rm -r` finds behind a mount is not ours. */
export function removeWorkspace({ folder }: Workspace): boolean {
  if (mountsBelow(folder).length > 0) return false;
  rmSync(folder, { recursive: true, force: true });
  return true;
}
