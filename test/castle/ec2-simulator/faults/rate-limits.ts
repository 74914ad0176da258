import type { Settings } from '../cloud/settings.ts';
import type { Parameters } from '../wire/parameters.ts';

type Kind = 'describe' | 'unfiltered' | 'mutate';

/** How many requests are let through: one token bucket for each action, as EC2 has them ("Request rate limiting"). */
export class RateLimits {
  readonly #levels = new Map<string, { tokens: number; atMs: number }>();

  /** @returns whether there was a token for the request, which is taken */
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

  /** All are full again. */
  refill(): void {
    this.#levels.clear();
  }
}

function kindOf(action: string, parameters: Parameters): Kind {
  if (!action.startsWith('Describe')) return 'mutate';
  const narrowing = /^(Filter|MaxResults|[A-Z][A-Za-z]*Id)$/;
  return parameters.names().some((name) => narrowing.test(name)) ? 'describe' : 'unfiltered';
}
