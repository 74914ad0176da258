/** The backends with which castles are interrupted. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { startOnInstance, untilDetached, volumesIn } from '../backends/ebs/ebs-host.ts';
import { loopsOf, untilNoLoops } from '../backends/loop/loop-host.ts';
import { Simulator } from '../ec2-simulator/simulator.ts';
import { CastleOnHost, type Places } from '../kit/castle-on-host.ts';
import type { BackendContents, BackendFixture, CrashBackend } from './crash-harness.ts';

const namesIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** What the folder of volumes contains. @param volumeOf returns the name of the volume to which a file or folder belongs */
export function contentsOf(folder: string, volumeOf: (name: string) => string): BackendContents {
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

/**
 * A castle with its volumes in a folder of the host. @param loop options of the backend loop; without them the backend is
 * local
 */
async function onFolder(
  t: Test,
  places: Pick<Places, 'env' | 'program'>,
  loop?: string,
): Promise<BackendFixture> {
  const castle = await CastleOnHost.start(t, 'process', {
    ...places,
    ...(loop === undefined ? {} : { loop }),
  });
  const folder = castle.backend;
  const separator = loop === undefined ? '~' : '@';
  return {
    castle,
    contents: async () => contentsOf(folder, (name) => name.split(separator)[0] ?? ''),
    untilUnused: () => untilNoLoops(folder),
    ...(loop === undefined ? {} : { deviceCount: () => loopsOf(folder).length }),
    clear() {
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    },
  };
}

export const local: CrashBackend = { name: 'local', start: onFolder };
export const ext4: CrashBackend = {
  name: 'loop ext4',
  maxVolumes: 60,
  start: (t, places) => onFolder(t, places, 'size=16M'),
};
export const xfs: CrashBackend = {
  name: 'loop xfs',
  maxVolumes: 10,
  start: (t, places) => onFolder(t, places, 'fs=xfs,size=300M'),
};

/** The backend ebs, on an instance of a simulated EC2 with real disks. */
export const ebsOn = (ec2: Simulator): CrashBackend => ({
  name: 'ebs',
  async start(t, places) {
    return {
      castle: await startOnInstance(t, ec2, places),
      async contents() {
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
      outside: () => ec2.facts(),
    };
  },
});

/** The backend ebs with its own simulator. */
export const ebs: CrashBackend = {
  name: 'ebs',
  start: async (t, places) => ebsOn(await Simulator.start(t)).start(t, places),
};

export const crashBackends: readonly CrashBackend[] = [local, ext4, xfs, ebs];
/** For operations whose steps are the same with either file system. */
export const oneOfEachKind: readonly CrashBackend[] = [local, ext4, ebs];
/** For operations whose steps are the same where each volume has its own disk, or are steps of the store only. */
export const storeSteps: readonly CrashBackend[] = [local, ext4];
