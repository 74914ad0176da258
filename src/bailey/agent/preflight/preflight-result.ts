import type { Failure } from '../../../terminal/failure.ts';

/** The result of one check of a controller. */
export type PreflightResult =
  | {
      readonly kind: 'ready';
      /** A line for the log, although the check succeeded. */
      readonly note?: string;
    }
  /** The check failed but may succeed later; `failure` has the problem and the remedy. */
  | { readonly kind: 'not ready'; readonly failure: Failure };

export const ready: PreflightResult = { kind: 'ready' };
