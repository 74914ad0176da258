import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Test } from 'tap';
import { childrenOf } from '../../kit/namespace.ts';
import { untilTrue } from '../../kit/until.ts';
import type { Places } from '../kit/castle-on-host.ts';
import { type CrashBackend, CrashHarness, type PreparedOperation } from './crash-harness.ts';
import { imageOf } from './crash-image.ts';
import { Steps, type StruckStep } from './crash-points.ts';

/** The outcome of an operation with an interrupted step. */
export interface StrikeResult {
  /** The interrupted step; undefined if the operation has fewer steps. */
  readonly struck: StruckStep | undefined;
  /** The violations of invariants that were found afterwards. */
  readonly faults: readonly string[];
}

/** Kills a castle at a step of an operation, or lets the step fail, and checks the state afterwards. */
export class StepInterrupter {
  #kills = 0;

  private constructor(
    readonly harness: CrashHarness,
    private readonly steps: Steps,
  ) {}

  static async start(t: Test, backend: CrashBackend): Promise<StepInterrupter> {
    const steps = new Steps(t);
    const places: Pick<Places, 'env'> = { env: steps.env };
    return new StepInterrupter(await CrashHarness.start(t, backend, places), steps);
  }

  /** The number of kills. */
  get kills(): number {
    return this.#kills;
  }

  /**
   * Kills the castle at a step of an operation, starts it again, and checks all invariants.
   * @param at the step, counted from 1
   * @param startsToo for each start after that which is killed as well, the step before which it is killed
   */
  async kill(
    operation: PreparedOperation,
    moment: 'before' | 'after',
    at: number,
    startsToo: readonly number[] = [],
  ): Promise<StrikeResult> {
    this.steps.order(moment, at);
    const success = await operation.run();
    const struck = this.steps.withdraw();
    if (struck !== undefined) {
      this.#kills += 1;
      await this.harness.castle.ended();
      for (const step of startsToo) await this.#killAtStart(step);
      await this.harness.restart();
    }
    return { struck, faults: await this.#checked(operation, struck, success) };
  }

  /**
   * Lets a step of an operation fail as on a full disk, ends the fault, and checks all invariants.
   * @param moment whether only this step fails, or all later steps as well
   */
  async fail(
    operation: PreparedOperation,
    moment: 'fails once' | 'fails from then on',
    at: number,
  ): Promise<StrikeResult> {
    this.steps.order(moment, at);
    const success = await operation.run();
    const struck = this.steps.withdraw();
    if (success === undefined) await this.harness.restart();
    return { struck, faults: await this.harness.check(operation, success) };
  }

  /**
   * Runs an operation to its end, and computes before each step the image that a kill would leave.
   * @returns the images in the order of the steps, undefined where none could be computed; and the violations at the end
   */
  async images(operation: PreparedOperation): Promise<{
    readonly images: readonly (string | undefined)[];
    readonly faults: readonly string[];
  }> {
    const { harness, steps } = this;
    const { castle, fixture } = harness;
    const containers = [await harness.container.pid(), await harness.other.pid()];
    const outside = fixture.outside?.bind(fixture);
    const sources = { castle, containers, ...(outside === undefined ? {} : { outside }) };
    const known = new Set(childrenOf(castle.pid ?? 0));
    const images: (string | undefined)[] = [];
    let isOver = false;
    steps.order('stops', 0);
    const running = operation.run().finally(() => {
      isOver = true;
    });
    while (!isOver) {
      const { pid } = castle;
      if (pid === undefined || !isStopped(pid)) {
        await pause(1);
        continue;
      }
      // Several threads may have reached a step before the process was stopped.
      const { counted: count, sent } = steps.progress();
      const found = await imageOf(sources, known);
      const image = found === undefined ? undefined : `${found} ${sent}`;
      while (images.length < count) images.push(image);
      images[count - 1] = image;
      // File times have a resolution of up to 10 ms: after this pause, later writes get other times.
      await pause(10);
      process.kill(pid, 'SIGCONT');
    }
    const success = await running;
    const struck = steps.withdraw();
    await untilTrue('no thread stops the castle any more', () => {
      if (castle.pid === undefined || !steps.mayStop()) return true;
      if (isStopped(castle.pid)) process.kill(castle.pid, 'SIGCONT');
      return false;
    });
    return { images, faults: await this.#checked(operation, struck, success) };
  }

  async #checked(
    operation: PreparedOperation,
    struck: StruckStep | undefined,
    success: boolean | undefined,
  ): Promise<readonly string[]> {
    const faults = await this.harness.check(operation, success);
    return struck === undefined && success !== true ? ['it was not done', ...faults] : faults;
  }

  async #killAtStart(step: number): Promise<void> {
    this.steps.order('before', step);
    await this.harness.startsUp();
    if (this.steps.withdraw() !== undefined) this.#kills += 1;
    await this.harness.castle.end('SIGKILL');
  }
}

/** Whether a process is stopped with all its threads. */
function isStopped(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  } catch {
    return false;
  }
}
