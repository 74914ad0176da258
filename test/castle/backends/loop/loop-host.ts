import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Need } from '../../../kit/needs.ts';
import { until } from '../../../kit/until.ts';

/** Loop devices that can be made. */
export const loopDevices = (): Need =>
  existsSync('/dev/loop-control') ? undefined : 'needs loop devices (/dev/loop-control)';

/** The loop devices that have a file of a folder, each as `/dev/loop3 NAME`. */
export function loopsOf(folder: string): readonly string[] {
  return readdirSync('/sys/block')
    .filter((name) => existsSync(`/sys/block/${name}/loop/backing_file`))
    .flatMap((name) => {
      try {
        const file = readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').trim();
        return file.startsWith(`${folder}/`) ? [`/dev/${name} ${basename(file)}`] : [];
      } catch {
        return []; // It went while we looked.
      }
    });
}

/** Waits until no loop device has a file of a folder any more. */
export function untilNoLoops(folder: string): Promise<true> {
  const isNone = () => loopsOf(folder).length === 0 || undefined;
  return until(`no loop device has an image of ${folder}`, isNone, 60_000, 5);
}

/** The image of a volume. */
export function imageOf(folder: string, volume: string): string {
  const [name, ...more] = readdirSync(folder).filter((entry) => entry.startsWith(`${volume}@`));
  if (name === undefined || more.length > 0) throw new Error(`${volume}: ${name} ${more}`);
  return join(folder, name);
}

export const checksumOf = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex');

/** What a look without changes finds wrong in an image that nobody uses. @returns the tool's exit code, 0 for nothing */
export function fsck(image: string): number {
  const isXfs = image.endsWith('.xfs');
  const [tool, options] = isXfs ? ['xfs_repair', ['-n']] : ['e2fsck', ['-f', '-n']];
  return spawnSync(tool as string, [...(options as string[]), image], { stdio: 'ignore' }).status ?? 255;
}

/** Whether the kernel lets an ext4 grow for us: it asks for CAP_SYS_RESOURCE, which root has not everywhere. */
export const ext4Grows = (): boolean => {
  const [, effective = '0'] = /^CapEff:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
};
