import { resolve } from 'node:path';
import { readDuration } from '../../../terminal/duration.ts';
import { Failure } from '../../../terminal/failure.ts';
import { parseSize } from '../../../terminal/size.ts';
import { defaultMetadataUrl } from '../../aws/instance-metadata.ts';
import { ext4 } from '../../file-systems/ext4.ts';
import type { FileSystem } from '../../file-systems/file-system.ts';
import { xfs } from '../../file-systems/xfs.ts';
import { checkRepeatedOptions } from '../check-repeated-options.ts';

/** The settings of the backend `ebs`. */
export interface EbsSettings {
  /** The availability zone of new volumes. Default: this instance's zone; EC2 attaches volumes only within one zone. */
  readonly zone?: string;
  readonly region?: string;
  /** The name of the cluster: castles with the same one share their volumes. */
  readonly cluster: string;
  /** The default size of a new volume, in bytes. */
  readonly sizeBytes: number;
  readonly type: string;
  readonly fileSystem: FileSystem;
  readonly encrypted: boolean;
  /** The KMS key of new volumes. Default: the key that the account uses for EBS. */
  readonly kmsKey?: string;
  /** The maximum number of volumes attached to this host. Default: the limit of the instance type. */
  readonly max?: number;
  /** The URL of the EC2 API. Default: that of AWS. */
  readonly endpoint?: string;
  readonly metadata: string;
  /** The host's /sys. */
  readonly sys: string;
  readonly dev: string;
  /** The first pause when polling EC2, in milliseconds. All other pauses and time limits are multiples of it. */
  readonly pollMs: number;
  /**
   * The average number of EC2 calls per second that the castle makes at most. For each kind of call, AWS allows an account 5
   * modifying or 20 reading calls per second, and a burst of ten seconds' calls. Source: "Request throttling for the Amazon
   * EC2 API".
   */
  readonly callsPerSecond: number;
  /** How long lookups are collected before they are sent in one call, in milliseconds. */
  readonly batchMs: number;
}

/** The unit of EBS sizes, in bytes. */
export const gibibyte = 2 ** 30;

const defaults: EbsSettings = {
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

/** Parses the value of each option; undefined when the value is invalid. */
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
  if (!/^[a-z0-9-]{0,64}$/.test(zone)) throw wrong(`${JSON.stringify(zone)} is not a zone`);
  checkRepeatedOptions(given);
  let settings: EbsSettings = zone === '' ? defaults : { ...defaults, zone };
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
