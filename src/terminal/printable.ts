/**
 * Characters that a terminal interprets instead of showing them: control characters (C0, DEL, C1), and Unicode characters
 * that break a line or change its direction.
 */
const beyondC0 = '\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069';
const unprintable = new RegExp(`[\\u0000-\\u001f${beyondC0}]`, 'g');
const unprintableInJson = new RegExp(`[${beyondC0}]`, 'g');

const hex = (char: string, digits: number): string => char.charCodeAt(0).toString(16).padStart(digits, '0');

/** Escapes these characters in a text from an untrusted source: `\x1b`, `\u202e`. */
export const printable = (text: string): string =>
  text.replace(unprintable, (char) => (char < '\u0100' ? `\\x${hex(char, 2)}` : `\\u${hex(char, 4)}`));

/** Escapes these characters in a JSON document without changing its values. JSON itself escapes C0 only. */
export const printableJson = (json: string): string =>
  json.replace(unprintableInJson, (char) => `\\u${hex(char, 4)}`);
