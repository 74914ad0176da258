import type { Test } from 'tap';

/** Pseudo-random numbers, the same for the same seed (mulberry32), so that a failure can be repeated. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /**
   * The random numbers of a test, which prints the seed.
   * @param variable the environment variable that sets another seed
   */
  static ofTest(t: Test, variable: string, seed: number): Random {
    const random = new Random(Number(process.env[variable] ?? seed));
    t.comment(`${variable}=${random.seed}`);
    return random;
  }

  /** At least 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}
