import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Test } from 'tap';
import { childrenOf } from '../../kit/namespace.ts';
import type { Places } from '../kit/castle-on-host.ts';
import { type CrashBackend, CrashHarness, type PreparedOperation } from './crash-harness.ts';
import { imageOf } from './crash-image.ts';
import { Steps, type StruckStep } from './crash-points.ts';

/** What happened when a step was struck. */
export interface StrikeResult {
  /** Undefined when the operation has not so many steps. */
  readonly struck: StruckStep | undefined;
  /** What was wrong afterwards. */
  readonly faults: readonly string[];
}

/** Kills a castle at a step of an operation, or lets the step fail, and checks what is left. */
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

  /** How many times the castle was killed at a step. */
  get kills(): number {
    return this.#kills;
  }

  /**
   * Kills the castle at a step of an operation, starts it again, and checks everything.
   * @param at the step, counted from 1
   * @param startsToo the starts after that are killed as well, each before the step that is given here
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
   * Lets a step of an operation fail as on a full disk, then makes room and checks everything.
   * @param moment whether the steps after it fail as well, until there is room
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
   * Runs an operation to its end, and looks before each step at what a castle that is killed there would leave.
   * @returns an image for each step, in their order, undefined where it was not to be told; and what was wrong at the end
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
      // Several threads may have come to a step when all were stopped.
      const { counted: count, sent } = steps.progress();
      const found = await imageOf(sources, known);
      const image = found === undefined ? undefined : `${found} ${sent}`;
      while (images.length < count) images.push(image);
      images[count - 1] = image;
      // The times of files have a resolution of up to 10 ms: what is written from now on has another one.
      await pause(10);
      process.kill(pid, 'SIGCONT');
    }
    const success = await running;
    const struck = steps.withdraw();
    // A thread may have been on its way into a step.
    await pause(20);
    if (castle.pid !== undefined) process.kill(castle.pid, 'SIGCONT');
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

/** Whether a process is stopped, with all its threads. */
function isStopped(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  } catch {
    return false;
  }
}
