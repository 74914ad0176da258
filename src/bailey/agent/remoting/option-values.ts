/** A host and a port; a tunnel may omit either. */
export interface HostPort {
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/**
 * Reads HOST:PORT, HOST: or :PORT as agent.jar does (org.jenkinsci.remoting.engine.HostPort): the last colon counts,
 * unless the host is an IPv6 address in brackets.
 * @returns undefined for anything else
 */
export function readHostPort(text: string): HostPort | undefined {
  const [, inBrackets, plain, digits] =
    /^(?:\[([^\]]{2,})\]|([^[\]]*)):(\d*)$/.exec(text.replace(/\s+/g, '')) ?? [];
  if (digits === undefined) return undefined;
  const port = digits === '' ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  if (inBrackets !== undefined && port === undefined) return undefined;
  return { host: inBrackets ?? (plain || undefined), port };
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Parses a duration of agent.jar: `12s`, `1d`, without a unit milliseconds; or ISO 8601 as in `PT1H30M` and `P1DT2H`
 * (java.time.Duration).
 * @returns milliseconds; undefined for anything else
 */
export function readRemotingTime(text: string): number | undefined {
  const [, count, unit = ''] = /^([+-]?\d+)([a-z]{0,2})$/i.exec(text) ?? [];
  if (count !== undefined) {
    const factor = unitMs[unit.toLowerCase() || 'ms'];
    return factor === undefined ? undefined : Number(count) * factor;
  }
  const [whole, sign, ...counts] =
    /^([+-]?)P(?:([+-]?\d+)D)?(?:T(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?\d+(?:[.,]\d{0,9})?)S)?)?$/i.exec(
      text,
    ) ?? [];
  if (whole === undefined || counts.every((part) => part === undefined) || /T$/i.test(whole))
    return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = counts.map((part) =>
    Number(part?.replace(',', '.') ?? 0),
  );
  const ms = days * 86_400_000 + hours * 3_600_000 + minutes * 60_000 + seconds * 1000;
  return sign === '-' ? -ms : ms;
}

/**
 * Whether agent.jar accepts the text as a URL. Java accepts more than Node, for example an IPv6 zone.
 */
export const isControllerUrl = (text: string): boolean => /^https?:\/\/[^/?#\s]/i.test(text);
