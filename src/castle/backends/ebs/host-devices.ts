import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A disk of this host, as the kernel shows it. */
export interface HostDevice {
  /** The kernel's name of the disk, for example `nvme1n1`. */
  readonly name: string;
  /** The path of its device node, for example `/dev/nvme1n1`. */
  readonly path: string;
  /** `major:minor`, as in mountinfo. */
  readonly number: string;
  readonly sizeBytes: number;
  /** The serial number. On Nitro, the volume's id without its dash; on Xen, disks have none. */
  readonly serial?: string;
}

/** The unit of /sys/block/NAME/size in bytes, independent of the disk's sector size. */
const sectorBytes = 512;

/** Reads the disks of this host from sysfs(5). The name of a device node does not tell which volume the disk holds. */
export class HostDevices {
  /**
   * @param sys the host's /sys
   * @param dev the host's /dev
   */
  constructor(
    private readonly sys: string,
    private readonly dev: string,
  ) {}

  list(): readonly HostDevice[] {
    return readdirSync(join(this.sys, 'block')).flatMap((name) => this.read(name) ?? []);
  }

  /**
   * Finds the disk of a volume by its serial number; where disks have none (Xen), by the device name of the attachment.
   * @param ec2Id `vol-…`
   * @param deviceName the device name of the attachment
   */
  find(ec2Id: string, deviceName: string | undefined): HostDevice | undefined {
    const all = this.list();
    const bySerial = all.find(({ serial }) => serial === serialOf(ec2Id));
    if (bySerial !== undefined || deviceName === undefined) return bySerial;
    const named = basename(deviceName).replace(/^sd/, 'xvd');
    return all.find(({ name, serial }) => name === named && serial === undefined);
  }

  /** Finds the disk with a device number, `major:minor`. */
  findByNumber(number: string): HostDevice | undefined {
    return this.list().find((device) => device.number === number);
  }

  /** Reads one disk. The disk may disappear during the read, and udev may create its node slightly later: undefined then. */
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

/** Returns the serial number of a volume's disk. */
export const serialOf = (ec2Id: string): string => ec2Id.replace('-', '');

/** Returns `major:minor` of a device number, whose major and minor bits interleave; makedev(3). */
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
