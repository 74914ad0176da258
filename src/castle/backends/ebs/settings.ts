import { resolve } from 'node:path';
import { readDuration } from '../../../terminal/duration.ts';
import { Failure } from '../../../terminal/failure.ts';
import { parseSize } from '../../../terminal/size.ts';
import { defaultMetadataUrl } from '../../aws/instance-metadata.ts';
import { ext4 } from '../../file-systems/ext4.ts';
import type { FileSystem } from '../../file-systems/file-system.ts';
import { xfs } from '../../file-systems/xfs.ts';

/** What the backend `ebs` is told. */
export interface EbsSettings {
  /** Where volumes are made; without, where this instance is, and nowhere else can it have them. */
  readonly zone?: string;
  readonly region?: string;
  /** Castles with the same name share their volumes. */
  readonly cluster: string;
  /** What a new volume is when nobody says so. */
  readonly sizeBytes: number;
  readonly type: string;
  readonly fileSystem: FileSystem;
  readonly encrypted: boolean;
  /** A key of KMS for new volumes, instead of the account's own. */
  readonly kmsKey?: string;
  /** As many volumes may be attached to this host at once; without, what its type of instance allows. */
  readonly max?: number;
  /** Addresses other than AWS' own. */
  readonly endpoint?: string;
  readonly metadata: string;
  /** Where the host has /sys and /dev. */
  readonly sys: string;
  readonly dev: string;
  /** The first pause between two looks at what EC2 is doing, in milliseconds; all other times follow it. */
  readonly pollMs: number;
  /**
   * How many calls a second the castle makes in the long run. AWS gives a whole account 5 that change something and 20 that
   * don't, of each kind, and ten seconds' worth at once; "Request throttling for the Amazon EC2 API".
   */
  readonly callsPerSecond: number;
  /** How long questions are collected before they are asked together, in milliseconds. */
  readonly batchMs: number;
}

/** The unit in which EBS has sizes, in bytes. */
export const gibibyte = 2 ** 30;

const usual: EbsSettings = {
  cluster: 'castle',
  sizeBytes: 10 * gibibyte,
  type: 'gp3',
  fileSystem: ext4,
  encrypted: false,
  metadata: defaultMetadataUrl,
  sys: '/sys',
  dev: '/dev',
  pollMs: 1_000,
  batchMs: 500,
  callsPerSecond: 10,
};

/** How each option is read; undefined when the value is wrong. */
const options: Readonly<Record<string, (value: string) => Partial<EbsSettings> | undefined>> = {
  region: (value) => when(/^[a-z0-9-]{1,64}$/.test(value), { region: value }),
  cluster: (value) => when(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(value), { cluster: value }),
  size: (value) => {
    const sizeBytes = parseSize(value);
    return sizeBytes !== undefined && sizeBytes % gibibyte === 0 ? { sizeBytes } : undefined;
  },
  type: (value) => when(/^[a-z0-9]{1,16}$/.test(value), { type: value }),
  fs: (value) => ({ ext4: { fileSystem: ext4 }, xfs: { fileSystem: xfs } })[value],
  encrypted: (value) => when(value === '', { encrypted: true }),
  kms: (value) => when(/^[A-Za-z0-9:/_-]{1,256}$/.test(value), { kmsKey: value, encrypted: true }),
  max: (value) => when(/^[1-9]\d{0,2}$/.test(value), { max: Number(value) }),
  endpoint: (value) => when(isUrl(value), { endpoint: value }),
  metadata: (value) => when(isUrl(value), { metadata: value.replace(/\/+$/, '') }),
  sys: (value) => when(value !== '', { sys: resolve(value) }),
  dev: (value) => when(value !== '', { dev: resolve(value) }),
  rate: (value) => when(/^[1-9]\d{0,3}$/.test(value), { callsPerSecond: Number(value) }),
  poll: (value) => ({ pollMs: readDuration('--backend ebs,poll=', value, 'usage') }),
  batch: (value) => ({ batchMs: readDuration('--backend ebs,batch=', value, 'usage') }),
};

/**
 * Reads `[ZONE][,NAME=VALUE…]`.
 * @throws Failure usage
 */
export function parseEbs(setting: string): EbsSettings {
  const [zone = '', ...given] = setting.split(',');
  if (!/^[a-z0-9-]{0,64}$/.test(zone)) throw wrong(`${JSON.stringify(zone)} is no zone`);
  let settings: EbsSettings = zone === '' ? usual : { ...usual, zone };
  for (const option of given) {
    const at = option.indexOf('=');
    const [name, value] = at < 0 ? [option, ''] : [option.slice(0, at), option.slice(at + 1)];
    const read = Object.hasOwn(options, name) ? options[name]?.(value) : undefined;
    if (read === undefined) throw wrong(`ebs has no option ${JSON.stringify(option)}`);
    settings = { ...settings, ...read };
  }
  return settings;
}

const when = <T>(isRight: boolean, then: T): T | undefined => (isRight ? then : undefined);

const isUrl = (text: string): boolean => URL.canParse(text) && /^https?:/.test(text);

const wrong = (sentence: string): Failure =>
  new Failure(
    'usage',
    `--backend: ${sentence}`,
    'use ebs[=ZONE] with region=, cluster=, size=10G (whole G), type=gp3, fs=ext4|xfs, encrypted, kms=KEY, max=COUNT',
  );
