import type { Outcome } from './script.ts';

/**
 * An outcome as a flat list of paths with values that do not differ from run to run: ids and times are reduced to their form,
 * and other resources of the instance and the account are left out.
 * @returns `Volumes.0.State` and the like, each with its value
 */
export function normalise(outcome: Outcome): ReadonlyMap<string, string> {
  const flat = new Map<string, string>();
  const walk = (path: string, value: unknown): void => {
    if (value instanceof Date) flat.set(path, Number.isNaN(value.getTime()) ? 'no time' : '<time>');
    else if (Array.isArray(value)) {
      flat.set(`${path}.length`, String(value.length));
      [...value].sort(byName).forEach((item, index) => {
        walk(`${path}.${index}`, item);
      });
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        if (name !== '$metadata') walk(path === '' ? name : `${path}.${name}`, inner);
      }
    } else if (value !== undefined) flat.set(path, formOf(path, String(value)));
  };
  walk('', outcome);
  return flat;
}

/** Sorts lists whose order has no meaning. */
function byName(a: unknown, b: unknown): number {
  const nameOf = (item: unknown) => {
    const { Key = '', DeviceName = '' } = item as { readonly Key?: string; readonly DeviceName?: string };
    return Key + DeviceName;
  };
  return nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0;
}

function formOf(path: string, text: string): string {
  if (path.endsWith('NextToken')) return '<token>';
  if (path.endsWith('OwnerId')) return /^\d{12}$/.test(text) ? '<account>' : text;
  return text.replace(/\b(vol|snap|r|i)-[0-9a-z]{2,17}\b/g, '<$1>');
}
