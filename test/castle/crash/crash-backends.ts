/** The backends whose castles are besieged: a backend more is a few lines here. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { startOnInstance, untilDetached, volumesIn } from '../backends/ebs/ebs-host.ts';
import { untilNoLoops } from '../backends/loop/loop-host.ts';
import { Simulator } from '../ec2-simulator/simulator.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import type { Fortress, Ground, Lying } from './crash-harness.ts';

const namesIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** What lies in the folder of volumes. @param volumeOf the name of the volume that has a file or folder of that name */
export function lookAt(folder: string, volumeOf: (name: string) => string): Lying {
  const [names, snapshots] = [namesIn(folder), namesIn(join(folder, '.snapshots'))];
  return {
    volumes: names.filter((name) => !name.startsWith('.')).map(volumeOf),
    deleted: namesIn(join(folder, '.trash')).map(volumeOf),
    snapshots: snapshots.filter((name) => !name.startsWith('.')).length,
    leftOver: [
      ...names.filter((name) => name.startsWith('.') && !['.trash', '.snapshots'].includes(name)),
      ...snapshots.filter((name) => name.startsWith('.')),
    ],
  };
}

/** A castle with its volumes in a folder of the host. @param loop options of the backend loop; without, it is local */
async function onFolder(t: Test, env: NodeJS.ProcessEnv, loop?: string): Promise<Ground> {
  const castle = await CastleOnHost.start(t, 'process', { ...(loop === undefined ? {} : { loop }), env });
  const folder = castle.backend;
  const separator = loop === undefined ? '~' : '@';
  return {
    castle,
    look: async () => lookAt(folder, (name) => name.split(separator)[0] ?? ''),
    untilUnused: () => untilNoLoops(folder),
    clear() {
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    },
  };
}

export const local: Fortress = { name: 'local', begin: onFolder };
export const ext4: Fortress = {
  name: 'loop ext4',
  mostVolumes: 60,
  begin: (t, env) => onFolder(t, env, 'size=16M'),
};
export const xfs: Fortress = {
  name: 'loop xfs',
  mostVolumes: 10,
  begin: (t, env) => onFolder(t, env, 'fs=xfs,size=300M'),
};

/** On an instance of a simulated EC2, whose disks are real. */
export const ebs: Fortress = {
  name: 'ebs',
  async begin(t, env) {
    const ec2 = await Simulator.start(t);
    return {
      castle: await startOnInstance(t, ec2, { env }),
      async look() {
        const [volumes, { snapshots }] = [await volumesIn(ec2), await ec2.facts()];
        const named = (...states: readonly string[]) =>
          volumes
            .filter(({ tags }) => states.includes(tags['castle-state'] ?? ''))
            .map(({ tags }) => tags['castle-volume'] ?? '');
        return {
          volumes: named('ready'),
          deleted: named('deleted', 'purging'),
          snapshots: Object.keys(snapshots).length,
          leftOver: named('creating'),
        };
      },
      untilUnused: () => untilDetached(ec2),
    };
  },
};

export const fortresses: readonly Fortress[] = [local, ext4, xfs, ebs];
/** For what is the same with either file system. */
export const eachBackend: readonly Fortress[] = [local, ext4, ebs];
/** For what is the same where each volume is on a disk of its own, or whose steps are those of the store. */
export const onHost: readonly Fortress[] = [local, ext4];
