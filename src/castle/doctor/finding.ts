/** The result of one check. */
export interface Finding {
  /** The checked item. */
  readonly what: string;
  /** `missing`: the castle cannot work; `warning`: it works, with a risk or a limit. */
  readonly state: 'ok' | 'warning' | 'missing';
  /** The result of the check, in words. */
  readonly found: string;
  /** The remedy, unless the state is `ok`. */
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
