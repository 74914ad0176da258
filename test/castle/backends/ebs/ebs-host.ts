import { join } from 'node:path';
import type { Test } from 'tap';
import { until } from '../../../kit/until.ts';
import type { Simulator } from '../../ec2-simulator/simulator.ts';
import { CastleOnHost, type Places } from '../../kit/castle-on-host.ts';

/** What a castle is started with besides its backend. */
export interface EbsPlaces extends Omit<Places, 'backend' | 'loop' | 'setting'> {
  /** The instance that it runs on; without, the simulator's first. */
  readonly instance?: string;
  /** Options of the backend, such as `fs=xfs`. */
  readonly ebs?: string;
}

/** What `--backend` says for an instance of a simulated EC2. */
export function ebsSetting(ec2: Simulator, instance?: string, more?: string): string {
  const { metadata, host } = ec2.instance(instance);
  return [
    'ebs',
    `endpoint=${ec2.url}`,
    `metadata=${metadata}`,
    `sys=${join(host, 'sys')}`,
    `dev=${join(host, 'dev')}`,
    // A twenty-fifth of the usual times, so that a test need not wait as long as a person.
    ...['poll=40ms', 'batch=10ms', 'rate=1000', 'size=1G'],
    ...(more === undefined ? [] : [more]),
  ].join(',');
}

/** A castle on an instance of a simulated EC2. */
export async function startOnInstance(
  t: Test,
  ec2: Simulator,
  { instance, ebs, ...places }: EbsPlaces = {},
): Promise<CastleOnHost> {
  const setting = ebsSetting(ec2, instance, ebs);
  const env = {
    ...(places.env ?? process.env),
    AWS_ACCESS_KEY_ID: 'AKIASIMULATOR',
    AWS_SECRET_ACCESS_KEY: 'simulator',
  };
  return CastleOnHost.start(t, 'process', { ...places, setting, env });
}

type Facts = Awaited<ReturnType<Simulator['facts']>>;
export type EbsFact = Facts['volumes'][string];

/** The castle's volumes that EC2 really has, by what their tags say. */
export async function volumesIn(ec2: Simulator): Promise<readonly EbsFact[]> {
  const { volumes } = await ec2.facts();
  return Object.values(volumes).filter(({ tags }) => tags['castle'] !== undefined);
}

/** The one volume of a name; that there are several is an error. */
export async function volumeIn(ec2: Simulator, name: string): Promise<EbsFact> {
  const named = (await volumesIn(ec2)).filter(({ tags }) => tags['castle-volume'] === name);
  const [volume, ...more] = named;
  if (volume === undefined || more.length > 0) throw new Error(`${name}: ${named.length} volumes`);
  return volume;
}

/** Waits until no instance has a volume of the castle's. */
export function untilDetached(ec2: Simulator): Promise<true> {
  return until('every volume is detached', async () =>
    (await volumesIn(ec2)).every(({ attachment }) => attachment === undefined) ? true : undefined,
  );
}
