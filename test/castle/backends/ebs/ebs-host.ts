import { join } from 'node:path';
import type { Test } from 'tap';
import { until } from '../../../kit/until.ts';
import type { Simulator } from '../../ec2-simulator/simulator.ts';
import { CastleOnHost, type Places } from '../../kit/castle-on-host.ts';

/** Options for starting a castle, besides its backend. */
export interface EbsPlaces extends Omit<Places, 'backend' | 'loop' | 'setting'> {
  /** The instance on which the castle runs. Default: the first one of the simulator. */
  readonly instance?: string;
  /** Options of the backend, such as `fs=xfs`. */
  readonly ebs?: string;
}

/** The value of `--backend` for an instance of a simulated EC2. */
export function ebsSetting(ec2: Simulator, instance?: string, more?: string): string {
  const { metadata, host } = ec2.instance(instance);
  const options = [
    `endpoint=${ec2.url}`,
    `metadata=${metadata}`,
    `sys=${join(host, 'sys')}`,
    `dev=${join(host, 'dev')}`,
    // Shorter than the defaults, to keep the tests fast.
    ...['poll=40ms', 'batch=10ms', 'rate=1000', 'size=1G'],
    ...(more?.split(',') ?? []),
  ];
  const byName = new Map(options.map((option) => [option.split('=')[0], option]));
  return ['ebs', ...byName.values()].join(',');
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

/** The volumes in EC2 that have the tags of a castle. */
export async function volumesIn(ec2: Simulator): Promise<readonly EbsFact[]> {
  const { volumes } = await ec2.facts();
  return Object.values(volumes).filter(({ tags }) => tags['castle'] !== undefined);
}

/** Returns the volume with this name; fails if several have it. */
export async function volumeIn(ec2: Simulator, name: string): Promise<EbsFact> {
  const named = (await volumesIn(ec2)).filter(({ tags }) => tags['castle-volume'] === name);
  const [volume, ...more] = named;
  if (volume === undefined || more.length > 0) throw new Error(`${name}: ${named.length} volumes`);
  return volume;
}

/** Waits until no volume of a castle is attached to an instance. */
export function untilDetached(ec2: Simulator): Promise<true> {
  return until('every volume is detached', async () =>
    (await volumesIn(ec2)).every(({ attachment }) => attachment === undefined) ? true : undefined,
  );
}
