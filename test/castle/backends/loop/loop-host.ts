import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Need } from '../../../kit/needs.ts';
import { until } from '../../../kit/until.ts';

/** A need: the test can create loop devices. */
export const loopDevices = (): Need =>
  existsSync('/dev/loop-control') ? undefined : 'needs loop devices (/dev/loop-control)';

/** The loop devices whose file is in this folder, each as `/dev/loop3 NAME`. */
export function loopsOf(folder: string): readonly string[] {
  return readdirSync('/sys/block')
    .filter((name) => existsSync(`/sys/block/${name}/loop/backing_file`))
    .flatMap((name) => {
      try {
        const file = readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').trim();
        return file.startsWith(`${folder}/`) ? [`/dev/${name} ${basename(file)}`] : [];
      } catch {
        return []; // The device was detached after it was listed.
      }
    });
}

/** Waits until no loop device has a file in this folder. */
export function untilNoLoops(folder: string): Promise<true> {
  const isNone = () => loopsOf(folder).length === 0 || undefined;
  return until(`no loop device has an image of ${folder}`, isNone, 60_000, 5);
}

/** The path of a volume's image. */
export function imageOf(folder: string, volume: string): string {
  const [name, ...more] = readdirSync(folder).filter((entry) => entry.startsWith(`${volume}@`));
  if (name === undefined || more.length > 0) throw new Error(`${volume}: ${name} ${more}`);
  return join(folder, name);
}

export const checksumOf = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex');

/** Checks an unused image without changing it. @returns the exit code of the file system checker, 0 without errors */
export function fsck(image: string): number {
  const isXfs = image.endsWith('.xfs');
  const [tool, options] = isXfs ? ['xfs_repair', ['-n']] : ['e2fsck', ['-f', '-n']];
  return spawnSync(tool as string, [...(options as string[]), image], { stdio: 'ignore' }).status ?? 255;
}

/** Whether this process can grow an ext4. That requires CAP_SYS_RESOURCE, which root lacks in some containers. */
export const ext4Grows = (): boolean => {
  const [, effective = '0'] = /^CapEff:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
};
