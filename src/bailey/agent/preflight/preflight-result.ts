import type { Failure } from '../../../terminal/failure.ts';

/** The result of one check of a controller. */
export type PreflightResult =
  | {
      readonly kind: 'ready';
      /** Worth a log line nevertheless. */
      readonly note?: string;
    }
  /** May change; `failure` has the problem and the remedy. */
  | { readonly kind: 'not ready'; readonly failure: Failure };

export const ready: PreflightResult = { kind: 'ready' };
