import type { Settings } from '../cloud/settings.ts';
import type { Parameters } from '../wire/parameters.ts';

type Kind = 'describe' | 'unfiltered' | 'mutate';

/** Limits the rate of requests by one token bucket for each action, as EC2 does ("Request rate limiting"). */
export class RateLimits {
  readonly #levels = new Map<string, { tokens: number; atMs: number }>();

  /** Takes a token for a request. @returns whether there was one */
  take(action: string, parameters: Parameters, settings: Settings['throttling']): boolean {
    if (!settings.on) return true;
    const kind = kindOf(action, parameters);
    const { size, refillPerSecond } = settings[kind];
    const name = `${action} ${kind}`;
    const now = performance.now();
    const { tokens, atMs } = this.#levels.get(name) ?? { tokens: size, atMs: now };
    const level = Math.min(size, tokens + ((now - atMs) / 1000) * refillPerSecond);
    this.#levels.set(name, { tokens: level < 1 ? level : level - 1, atMs: now });
    return level >= 1;
  }

  /** Fills all buckets. */
  refill(): void {
    this.#levels.clear();
  }
}

function kindOf(action: string, parameters: Parameters): Kind {
  if (!action.startsWith('Describe')) return 'mutate';
  const narrowing = /^(Filter|MaxResults|[A-Z][A-Za-z]*Id)$/;
  return parameters.names().some((name) => narrowing.test(name)) ? 'describe' : 'unfiltered';
}
