import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A disk that the kernel has. */
export interface HostDevice {
  /** `nvme1n1` */
  readonly name: string;
  /** Its node, as in `/dev/nvme1n1`. */
  readonly path: string;
  /** `major:minor`, as in mountinfo. */
  readonly number: string;
  readonly sizeBytes: number;
  /** What its controller says: on Nitro the volume's id without its dash. Xen has none. */
  readonly serial?: string;
}

/** The unit of /sys/block/NAME/size in bytes, whatever the disk's own sectors are. */
const sectorBytes = 512;

/** The disks of this host, by sysfs(5); the names of their nodes say nothing about what they hold. */
export class HostDevices {
  /**
   * @param sys where the host has /sys
   * @param dev where the host has /dev
   */
  constructor(
    private readonly sys: string,
    private readonly dev: string,
  ) {}

  list(): readonly HostDevice[] {
    return readdirSync(join(this.sys, 'block')).flatMap((name) => this.read(name) ?? []);
  }

  /**
   * The disk of a volume: the one with its serial number. Only where disks have none (Xen), the one with the device name of
   * the attachment.
   * @param ec2Id `vol-…`
   * @param deviceName the device name of its attachment
   */
  find(ec2Id: string, deviceName: string | undefined): HostDevice | undefined {
    const all = this.list();
    const bySerial = all.find(({ serial }) => serial === serialOf(ec2Id));
    if (bySerial !== undefined || deviceName === undefined) return bySerial;
    const named = basename(deviceName).replace(/^sd/, 'xvd');
    return all.find(({ name, serial }) => name === named && serial === undefined);
  }

  /** The disk with a number. */
  findByNumber(number: string): HostDevice | undefined {
    return this.list().find((device) => device.number === number);
  }

  /** One may go while we look, and its node may come a moment later (udev). */
  private read(name: string): HostDevice | undefined {
    const folder = join(this.sys, 'block', name);
    const path = join(this.dev, name);
    try {
      const number = readFileSync(join(folder, 'dev'), 'utf8').trim();
      const sizeBytes = Number(readFileSync(join(folder, 'size'), 'utf8').trim()) * sectorBytes;
      const node = statSync(path);
      if (!node.isBlockDevice() || numberOf(node.rdev) !== number) return undefined;
      const serial = serialIn(folder);
      return { name, path, number, sizeBytes, ...(serial === undefined ? {} : { serial }) };
    } catch {
      return undefined;
    }
  }
}

/** The serial number that the disk of a volume has. */
export const serialOf = (ec2Id: string): string => ec2Id.replace('-', '');

/** `major:minor` of a device number; makedev(3), whose context interleave. */
function numberOf(rdev: number): string {
  const whole = BigInt(rdev);
  const major = ((whole >> 8n) & 0xfffn) | ((whole >> 32n) & 0xfffff000n);
  const minor = (whole & 0xffn) | ((whole >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function serialIn(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, 'device', 'serial'), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
