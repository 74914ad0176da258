import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MountLine, mountsOf } from '../src/linux/mountinfo.ts';

/** The temporary folder of the demo, and the paths in it. */
export interface Workspace {
  readonly folder: string;
  /** The castle's socket. */
  readonly socket: string;
  /** The castle's state. */
  readonly state: string;
  /** The castle's volumes, one folder each. */
  readonly volumes: string;
  /** JENKINS_HOME of containers with a castle: an empty folder, on which the castle mounts a volume in the container. */
  readonly home: string;
  /** JENKINS_HOME of the container without bailey-init and without a castle. */
  readonly plainHome: string;
  /** The reference folder of the image. */
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
    plainHome: join(folder, 'plain_jenkins_home'),
    reference: join(folder, 'ref'),
  };
  for (const path of [workspace.home, workspace.plainHome, workspace.reference]) mkdirSync(path);
  return workspace;
}

/** Mounts at or below a folder that are visible in the demo's mount namespace; each container has its own. */
export function mountsBelow(folder: string): readonly MountLine[] {
  const mounts = mountsOf('self');
  if (mounts === undefined) throw new Error('/proc/self/mountinfo cannot be read');
  return mounts.filter(({ point }) => point === folder || point.startsWith(`${folder}/`));
}

/** Removes the folder, unless something is mounted in it: `rm -r` would delete the content of the mount. */
export function removeWorkspace({ folder }: Workspace): boolean {
  if (mountsBelow(folder).length > 0) return false;
  rmSync(folder, { recursive: true, force: true });
  return true;
}
