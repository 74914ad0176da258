import { identify, namespaceOf } from '../../linux/proc.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import { requestLease } from '../leases/request-lease.ts';
import type { Requester } from '../leases/request-stages.ts';
import { checkVolumeName } from '../refusals/check-volume-name.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container, Peer } from '../runtimes/runtime.ts';
import { noSuchVolume } from '../volumes/refusals.ts';
import { readOptions } from './options.ts';

/** The body of a call, with the protocol's field names; not validated. */
export interface Call {
  readonly Name?: unknown;
  readonly ID?: unknown;
  readonly Opts?: unknown;
}

/** The answer to a successful call. */
export type Answer = Readonly<Record<string, unknown>>;

/** The calls of the protocol, by their paths. */
export type Driver = Readonly<Record<string, (call: Call, engine: Peer) => Promise<Answer>>>;

/** The id of a mount: 64 hex digits from Docker. It becomes part of a file name. */
const idPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/**
 * The castle as a volume driver: Docker's volume plug-in protocol, version 1. Its volumes and leases are the same as those that
 * containers request: a volume that an engine has mounted for one container is in use for all others.
 *
 * An engine repeats a call whose answer was lost, calls Mount and Unmount several times with the same id (for a container and
 * for each `docker cp`), and sometimes never calls Unmount. So the id identifies the holder, and whether the mount is still in
 * use is read from the mounts of the containers.
 * @param changed called after each mount
 */
export function volumeDriver(leases: LeaseService, changed: () => void): Driver {
  const { administration, engineMounts, hostMounts, store } = leases;
  const pointOf = (volume: string): string =>
    engineMounts.on(volume).find(({ state }) => state === 'mounted')?.target ?? '';

  return {
    '/Plugin.Activate': async () => ({ Implements: ['VolumeDriver'] }),
    '/VolumeDriver.Capabilities': async () => ({ Capabilities: { Scope: 'local' } }),

    async '/VolumeDriver.Create'(call) {
      await administration.create(nameIn(call), readOptions(call.Opts));
      return {};
    },

    async '/VolumeDriver.Remove'(call) {
      try {
        await administration.delete(nameIn(call));
      } catch (thrown) {
        // The engine repeats a call whose answer was lost.
        if (!(thrown instanceof RefusalError && thrown.code === 'not_found')) throw thrown;
      }
      return {};
    },

    async '/VolumeDriver.Mount'(call, engine) {
      const [volume, id] = [nameIn(call), idIn(call)];
      checkSeesOurMounts(engine);
      const target = hostMounts.mountPointFor(volume, id);
      const shared = (await administration.lookUp(volume))?.shared === true;
      const container = standInFor(volume, id, shared);
      await requestLease(leases, { container, peer: engine, volume, target }, 0, always);
      changed();
      return { Mountpoint: target };
    },

    async '/VolumeDriver.Unmount'(call) {
      await engineMounts.release(nameIn(call), idIn(call));
      return {};
    },

    '/VolumeDriver.Path': async (call) => ({ Mountpoint: pointOf(nameIn(call)) }),

    async '/VolumeDriver.Get'(call) {
      const name = nameIn(call);
      const volume = await administration.lookUp(name);
      if (volume === undefined) throw noSuchVolume(name);
      const { id, backend, state, created } = volume;
      const holder = store.leasesOn(name)[0]?.containerName;
      const mount = engineMounts.on(name)[0];
      return {
        Volume: {
          Name: name,
          Mountpoint: pointOf(name),
          ...(created === undefined ? {} : { CreatedAt: created }),
          Status: {
            backend,
            state,
            ...(id === undefined ? {} : { id }),
            ...(holder === undefined ? {} : { holder }),
            // awaited: no container has the mount yet, so it is kept for some minutes, even if the engine never calls Unmount.
            ...(mount?.engine === undefined ? {} : { container: mount.engine.seen ? 'seen' : 'awaited' }),
          },
        },
      };
    },

    '/VolumeDriver.List': async () => ({
      Volumes: store.volumes().map(({ name }) => ({ Name: name, Mountpoint: pointOf(name) })),
    }),
  };
}

function nameIn({ Name: name }: Call): string {
  if (typeof name !== 'string')
    throw new RefusalError('bad_request', 'the call has no Name', 'set Name to the name of a volume');
  checkVolumeName(name);
  return name;
}

function idIn({ ID: id }: Call): string {
  if (typeof id === 'string' && idPattern.test(id)) return id;
  throw new RefusalError(
    'bad_request',
    `the ID of the call is missing or invalid: ${JSON.stringify(id)}`,
    'use an engine that sends the ids of mounts: Docker 1.12 or newer',
  );
}

/** An engine's call is completed even if the engine disconnects. It never waits in the queue for a volume. */
const always: Requester = { disconnected: new AbortController().signal, isAlive: () => true };

/** Represents a mount for the engine to the lease service: a container whose first process is the castle itself. */
const standInFor = (volume: string, id: string, shared: boolean): Container => ({
  id,
  name: `the engine's mount ${id.slice(0, 12)}`,
  first: identify(process.pid),
  volumes: [volume],
  readonly: false,
  shared,
  engineMount: true,
});

/**
 * Checks that the engine can use the castle's mounts.
 * @throws RefusalError not_permitted when it is in another mount namespace
 */
function checkSeesOurMounts({ pid }: Peer): void {
  if (namespaceOf(pid, 'mnt') === namespaceOf('self', 'mnt')) return;
  throw new RefusalError(
    'not_permitted',
    `the engine, process ${pid}, is not in the mount namespace of the castle`,
    'run the castle and the engine as services, not in containers, and without PrivateMounts= or another option that creates a mount namespace',
  );
}
