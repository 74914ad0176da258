/** Bytes in each unit. */
const units: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * Reads a size: a whole number and K, M, G or T, each 1024 times the one before, as in `10G`.
 * @returns bytes; undefined when the text is not a size
 */
export function parseSize(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^([1-9]\d{0,9})([KMGT])$/.exec(text) ?? [];
  const bytes = Number(digits) * (units[unit] ?? 0);
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Formats a size in the largest unit in which it is a whole number. */
export function formatSize(bytes: number): string {
  const [unit, worth] = Object.entries(units).findLast(([, worth]) => bytes % worth === 0) ?? ['', 1];
  return `${bytes / worth}${unit === '' ? ' bytes' : unit}`;
}

/** Formats a size for display, rounded to one decimal place: `820M`, `3.4G`. */
export function roundSize(bytes: number): string {
  const [unit, worth] = Object.entries(units).findLast(([, worth]) => bytes >= worth) ?? ['', 1];
  return `${Math.round((bytes / worth) * 10) / 10}${unit === '' ? ' bytes' : unit}`;
}
