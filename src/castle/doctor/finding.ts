/** What the doctor says of one thing. */
export interface Finding {
  /** What was looked at. */
  readonly what: string;
  /** `missing`: the castle can't do its work; `warning`: it can, but somebody should know. */
  readonly state: 'ok' | 'warning' | 'missing';
  /** What was found. */
  readonly found: string;
  /** What to do, when something is. */
  readonly remedy?: string;
}

export const ok = (what: string, found: string): Finding => ({ what, state: 'ok', found });
export const warning = (what: string, found: string, remedy: string): Finding => ({
  what,
  state: 'warning',
  found,
  remedy,
});
export const missing = (what: string, found: string, remedy: string): Finding => ({
  what,
  state: 'missing',
  found,
  remedy,
});
