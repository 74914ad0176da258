const units: Readonly<Record<string, number>> = { '': 0, k: 10, m: 20, g: 30, t: 40 };

/**
 * Parses a size in java's notation: `512m`, `2G`, `0x1000`; without a unit it is bytes.
 * @returns bytes; undefined for anything else
 */
export function parseJavaSize(text: string): number | undefined {
  const [, digits, unit = ''] = /^(0x[0-9a-f]{1,12}|\d{1,15})([kmgt]?)$/i.exec(text) ?? [];
  const shift = units[unit.toLowerCase()];
  if (digits === undefined || shift === undefined) return undefined;
  const bytes = Number(digits) * 2 ** shift;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

export const mebibyte = 2 ** 20;

/** Formats a number of bytes: `1.5 GiB`, `300 MiB`. */
export const formatBytes = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.round(bytes / mebibyte)} MiB`;
