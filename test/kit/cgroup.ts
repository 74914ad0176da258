import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import type { Need } from './needs.ts';
import { until } from './until.ts';

export type Controller = 'memory' | 'cpu';

/** The folder in which this process can create cgroups with a controller (cgroup version 1 or 2). */
function hierarchyOf(controller: Controller): string | undefined {
  return [`/sys/fs/cgroup/${controller}`, '/sys/fs/cgroup'].find((top) => {
    const probe = `${top}/bailey-probe-${process.pid}`;
    const script = `test -e ${top}/cgroup.procs && mkdir ${probe} && rmdir ${probe}`;
    return spawnSync('sh', ['-c', script]).status === 0;
  });
}

/** A need: the test can create cgroups with this controller, which requires root and a system that allows it. */
export const cgroups = (controller: Controller) => (): Need =>
  hierarchyOf(controller) === undefined ? `needs a writable cgroup hierarchy with ${controller}` : undefined;

/** A cgroup that is removed when the test ends. */
export class Cgroup {
  readonly folder: string;
  readonly #version1: boolean;

  /** @param above the cgroup in which to create it. Default: the root of the hierarchy */
  constructor(t: Test, controller: Controller, above?: Cgroup) {
    const top = hierarchyOf(controller) ?? '';
    this.#version1 = top.endsWith(controller);
    const parent = above?.folder ?? top;
    if (!this.#version1) writeFileSync(`${parent}/cgroup.subtree_control`, `+${controller}`);
    made += 1;
    this.folder = `${parent}/bailey-${process.pid}-${made}`;
    mkdirSync(this.folder);
    t.teardown(async () => {
      await until(`${this.folder} is empty`, () => this.#isEmpty() || undefined);
      rmdirSync(this.folder);
    });
  }

  /** @param bytes the memory limit, in bytes */
  limitMemory(bytes: number): void {
    writeFileSync(this.memoryFile, String(bytes));
  }

  /** The path of the file with the memory limit. */
  get memoryFile(): string {
    return `${this.folder}/${this.#version1 ? 'memory.limit_in_bytes' : 'memory.max'}`;
  }

  /** @param cpus the CPU limit, in CPUs */
  limitCpu(cpus: number): void {
    const period = 100_000;
    if (this.#version1) {
      writeFileSync(`${this.folder}/cpu.cfs_period_us`, String(period));
      writeFileSync(`${this.folder}/cpu.cfs_quota_us`, String(cpus * period));
    } else {
      writeFileSync(`${this.folder}/cpu.max`, `${cpus * period} ${period}`);
    }
  }

  /** Returns a command that runs its other arguments in this cgroup. */
  get command(): readonly string[] {
    return ['sh', '-ec', `echo $$ > ${this.folder}/cgroup.procs; exec "$@"`, 'sh'];
  }

  #isEmpty(): boolean {
    return !existsSync(this.folder) || readFileSync(`${this.folder}/cgroup.procs`, 'utf8') === '';
  }
}

let made = 0;
