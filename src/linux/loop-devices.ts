import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';

/** A loop device that is attached to a file (loop(4)), as /sys/block/loopN shows it. */
export interface LoopDevice {
  /** `/dev/loop3` */
  readonly path: string;
  /** `major:minor`, as in mountinfo. */
  readonly number: string;
  /** The path of the backing file, as the kernel shows it; for a deleted file, its former path. */
  readonly file: string;
}

const devices = '/sys/block';

/** Returns all loop devices that are attached to a file now. */
export function loopDevices(): readonly LoopDevice[] {
  return readdirSync(devices)
    .filter((name) => /^loop\d+$/.test(name))
    .flatMap((name) => {
      const device = read(name);
      return device === undefined ? [] : [device];
    });
}

/** Returns the loop device with that number, if it is attached to a file. */
export function loopDeviceOf(number: string): LoopDevice | undefined {
  return loopDevices().find((device) => device.number === number);
}

/** Whether a loop device is attached to that file, by whatever path the kernel shows it. */
export function hasFile(device: LoopDevice, { dev, ino }: Stats): boolean {
  const file = statSync(device.file, { throwIfNoEntry: false });
  return file?.dev === dev && file.ino === ino;
}

/** Reads one device. A device that is free, or becomes free meanwhile, has no folder `loop`: undefined then. */
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
