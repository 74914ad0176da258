import type { EmitEvent, EventFields } from './event.ts';

/** How long one window lasts, in milliseconds. */
const windowMs = 60_000;
/** A container gets at most this many lines in a window, however many different requests it makes. */
const linesPerWindow = 10;
/** More containers than this in one window share one account: a container's id costs an attacker nothing. */
const limitOfSources = 1000;

interface Account {
  /** Undefined for those who are not known. */
  readonly container: string | undefined;
  readonly told: Set<string>;
  untold: number;
}

/**
 * Tells of refused requests without letting who is refused write the log: the same refusal is told once in a window,
 * and no container fills more than a few lines; what was left out is told as a number at the end of the window.
 */
export class RefusalLines {
  private readonly accounts = new Map<string, Account>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly emit: EmitEvent) {}

  /** @param source who was refused: a container's id, or a word for all who are not known */
  tell(source: string, message: string, facts: EventFields): void {
    this.timer ??= setTimeout(() => this.closeWindow(), windowMs).unref();
    const account = this.accountOf(source, facts.container);
    const same = `${facts.volume ?? ''} ${facts.target ?? ''} ${facts.code ?? ''}`;
    if (account.told.has(same) || account.told.size >= linesPerWindow) {
      account.untold += 1;
      return;
    }
    account.told.add(same);
    this.emit(message, facts);
  }

  /** Tells what was left out, and lets go of the window. */
  close(): void {
    clearTimeout(this.timer);
    this.closeWindow();
  }

  private accountOf(source: string, container: string | undefined): Account {
    const isOwn = this.accounts.has(source) || this.accounts.size < limitOfSources;
    const key = isOwn ? source : 'others';
    const fresh = { container: isOwn ? container : undefined, told: new Set<string>(), untold: 0 };
    const account = this.accounts.get(key) ?? fresh;
    this.accounts.set(key, account);
    return account;
  }

  private closeWindow(): void {
    this.timer = undefined;
    for (const [source, { container, untold }] of this.accounts) {
      if (untold === 0) continue;
      const message = `${untold} more refusals for ${source} within ${windowMs / 1000} s`;
      const whose = container === undefined ? {} : { container };
      this.emit(message, { event: 'lease.refused', ...whose, count: untold });
    }
    this.accounts.clear();
  }
}
