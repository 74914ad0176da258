/** Colors for terminals. Pipes and files get plain text. */

/** SGR codes, ECMA-48. */
const codes = { red: 31, green: 32, yellow: 33, dim: 2 } as const;

export type Color = keyof typeof codes;

/** The SGR code that resets the color. */
const reset = '\x1b[0m';

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether a stream is a terminal that understands control sequences: TERM names one, and not `dumb` (term(7)). */
export const isCapableTerminal = (stream: { readonly isTTY?: boolean }, env: Environment): boolean =>
  stream.isTTY === true && !['', 'dumb'].includes(env['TERM'] ?? '');

/**
 * Whether text written to a stream may have colors: it is a terminal with colors, and NO_COLOR is not set
 * (https://no-color.org: any value but the empty one).
 */
export const hasColors = (stream: { readonly isTTY?: boolean }, env: Environment): boolean =>
  isCapableTerminal(stream, env) && (env['NO_COLOR'] ?? '') === '';

/** @param color undefined: returns the text unchanged */
export const paint = (text: string, color: Color | undefined): string =>
  color === undefined ? text : `\x1b[${codes[color]}m${text}${reset}`;
