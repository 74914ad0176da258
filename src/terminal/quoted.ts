/** A value as it may stand in a line of a log: quoted, short, without control characters. */
export const quoted = (value: string): string =>
  JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
