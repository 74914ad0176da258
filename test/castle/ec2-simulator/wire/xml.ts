/**
 * The content of an answer. A list becomes `<item>` elements, and undefined values are left out, as in EC2.
 */
export type Xml = string | number | boolean | undefined | readonly Xml[] | { readonly [name: string]: Xml };

/** The document of an answer, with the id of its request. */
export const answerOf = (
  action: string,
  requestId: string,
  content: { readonly [name: string]: Xml },
): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n` +
  `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">` +
  `${inner({ requestId, ...content })}</${action}Response>`;

/** The document of an error. EC2's differs from that of other query services: `Response`, `Errors`, `RequestID`. */
export const errorOf = (code: string, message: string, requestId: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n` +
  `<Response>${inner({ Errors: { Error: { Code: code, Message: message } }, RequestID: requestId })}</Response>`;

function inner(value: Xml): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((item) => element('item', item)).join('');
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([name, content]) => element(name, content))
      .join('');
  }
  return String(value).replace(/[&<>"\r]/g, (special) => `&#${special.charCodeAt(0)};`);
}

const element = (name: string, content: Xml): string =>
  content === undefined ? '' : `<${name}>${inner(content)}</${name}>`;
