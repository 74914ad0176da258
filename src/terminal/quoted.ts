/** A value for a message or log line: quoted, at most 60 characters, without control characters. */
export const quoted = (value: string): string =>
  JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
