import { identify, namespaceOf } from '../../linux/proc.ts';
import type { LeaseService } from '../leases/lease-service.ts';
import { requestLease } from '../leases/request-lease.ts';
import type { Requester } from '../leases/request-stages.ts';
import { checkVolumeName } from '../refusals/check-volume-name.ts';
import { RefusalError } from '../refusals/refusal.ts';
import type { Container, Peer } from '../runtimes/runtime.ts';
import { noSuchVolume } from '../volumes/refusals.ts';
import { readOptions } from './options.ts';

/** What an engine asks for with one call; the fields are the protocol's, and whatever the caller made of them. */
export interface Call {
  readonly Name?: unknown;
  readonly ID?: unknown;
  readonly Opts?: unknown;
}

/** What it is answered when all went well. */
export type Answer = Readonly<Record<string, unknown>>;

/** The calls of the protocol, each by its path. */
export type Driver = Readonly<Record<string, (call: Call, engine: Peer) => Promise<Answer>>>;

/** An engine's id is hex digits; more than a file's name can take is none. */
const idPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/**
 * The castle as a volume driver: Docker's volume plug-in protocol, version 1. The volumes are those that containers ask
 * for, and so are the leases: what an engine has mounted for one container, nobody else gets.
 *
 * An engine repeats a call when its answer got lost, calls Mount and Unmount with one id several times (a container and
 * each `docker cp`), and sometimes never calls Unmount: so the id says who, and what is mounted says what is true.
 * @param changed told after each mount
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
        // An engine that lost the answer asks once more.
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
            // Until one is seen with it, a mount is kept for some minutes, whatever the engine forgets to say.
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
  if (typeof name !== 'string') throw new RefusalError('bad_request', 'the call has no Name', 'give one');
  checkVolumeName(name);
  return name;
}

function idIn({ ID: id }: Call): string {
  if (typeof id === 'string' && idPattern.test(id)) return id;
  throw new RefusalError(
    'bad_request',
    `the call has no ID that can be one: ${JSON.stringify(id)}`,
    'use an engine that gives its mounts ids: Docker 1.12 or newer',
  );
}

/** An engine hears of what it asked for whenever that is done; it never waits for a volume that others have. */
const always: Requester = { disconnected: new AbortController().signal, isAlive: () => true };

/** For the lease service, a mount of the engine's is a container in which the castle itself is the first process. */
const standInFor = (volume: string, id: string, shared: boolean): Container => ({
  id,
  name: `the engine's mount ${id.slice(0, 12)}`,
  first: identify(process.pid),
  volumes: [volume],
  readonly: false,
  shared,
  engineMount: true,
});

/** @throws RefusalError not_permitted when what is mounted here would not be there for the engine */
function checkSeesOurMounts({ pid }: Peer): void {
  if (namespaceOf(pid, 'mnt') === namespaceOf('self', 'mnt')) return;
  throw new RefusalError(
    'not_permitted',
    `the engine, process ${pid}, is in another mount namespace than the castle`,
    'run the castle and the engine as services without PrivateMounts and its like, not in containers',
  );
}
