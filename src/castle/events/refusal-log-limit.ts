import type { EmitEvent, EventFields } from './event.ts';

/** The length of a window, in milliseconds. */
const windowMs = 60_000;
/** The number of lines that a container can cause in a window, however different its requests are. */
const linesPerWindow = 10;
/** Containers beyond this number in one window are counted together: new container ids cost an attacker nothing. */
const limitOfSources = 1000;

interface Account {
  /** Undefined for unidentified senders. */
  readonly container: string | undefined;
  readonly logged: Set<string>;
  suppressed: number;
}

/**
 * Logs refused requests at a limited rate, so that a container cannot fill the log: the same refusal once per window, and
 * a few lines per container. The number of suppressed lines is logged at the end of the window.
 */
export class RefusalLog {
  private readonly accounts = new Map<string, Account>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly emit: EmitEvent) {}

  /** @param source who was refused: the id of a container, or a phrase for all unidentified senders */
  refused(source: string, message: string, fields: EventFields): void {
    this.timer ??= setTimeout(() => this.closeWindow(), windowMs).unref();
    const account = this.accountOf(source, fields.container);
    const same = `${fields.volume ?? ''} ${fields.target ?? ''} ${fields.code ?? ''}`;
    if (account.logged.has(same) || account.logged.size >= linesPerWindow) {
      account.suppressed += 1;
      return;
    }
    account.logged.add(same);
    this.emit(message, fields);
  }

  /** Logs the numbers of the current window, and ends it. */
  close(): void {
    clearTimeout(this.timer);
    this.closeWindow();
  }

  private accountOf(source: string, container: string | undefined): Account {
    const isOwn = this.accounts.has(source) || this.accounts.size < limitOfSources;
    const key = isOwn ? source : 'others';
    const fresh = { container: isOwn ? container : undefined, logged: new Set<string>(), suppressed: 0 };
    const account = this.accounts.get(key) ?? fresh;
    this.accounts.set(key, account);
    return account;
  }

  private closeWindow(): void {
    this.timer = undefined;
    for (const [source, { container, suppressed }] of this.accounts) {
      if (suppressed === 0) continue;
      const message = `${suppressed} more refusals for ${source} within ${windowMs / 1000} s`;
      const about = container === undefined ? {} : { container };
      this.emit(message, { event: 'lease.refused', ...about, count: suppressed });
    }
    this.accounts.clear();
  }
}
