import type { Failure } from '../../../terminal/failure.ts';

/** What one look at a controller came to. */
export type PreflightResult =
  | {
      readonly kind: 'ready' /** Something that people may want to know all the same. */;
      readonly note?: string;
    }
  /** May change; `failure` says what is wrong, and what to do about it. */
  | { readonly kind: 'not ready'; readonly failure: Failure };

export const ready: PreflightResult = { kind: 'ready' };
