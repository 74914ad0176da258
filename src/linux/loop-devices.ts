import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';

/** A loop device that has a file now; loop(4), /sys/block/loopN. */
export interface LoopDevice {
  /** `/dev/loop3` */
  readonly path: string;
  /** `major:minor`, as in mountinfo. */
  readonly number: string;
  /** The path of its file, as the kernel sees it from here; that of a removed one is where it was. */
  readonly file: string;
}

const devices = '/sys/block';

/** All loop devices that have a file now. */
export function loopDevices(): readonly LoopDevice[] {
  return readdirSync(devices)
    .filter((name) => /^loop\d+$/.test(name))
    .flatMap((name) => {
      const device = read(name);
      return device === undefined ? [] : [device];
    });
}

/** The loop device with that number, when it has a file. */
export function loopDeviceOf(number: string): LoopDevice | undefined {
  return loopDevices().find((device) => device.number === number);
}

/** Whether a loop device has that very file, by whatever path the kernel names it. */
export function hasFile(device: LoopDevice, { dev, ino }: Stats): boolean {
  const file = statSync(device.file, { throwIfNoEntry: false });
  return file?.dev === dev && file.ino === ino;
}

/** A free device has no folder `loop`; one may become free while we look. */
function read(name: string): LoopDevice | undefined {
  const value = (file: string) => readFileSync(`${devices}/${name}/${file}`, 'utf8').replace(/\n$/, '');
  try {
    return {
      path: `/dev/${name}`,
      number: value('dev'),
      file: value('loop/backing_file').replace(/ \(deleted\)$/, ''),
    };
  } catch {
    return undefined;
  }
}
