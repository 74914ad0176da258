import type { Failure } from '../../../terminal/failure.ts';

/** What one look at a controller came to. */
export type Verdict =
  | {
      readonly kind: 'ready' /** Something that people may want to know all the same. */;
      readonly note?: string;
    }
  /** May change; `failure` says what is wrong, and what to do about it. */
  | { readonly kind: 'not yet'; readonly failure: Failure };

export const ready: Verdict = { kind: 'ready' };
