import type { Tags } from '../cloud/records.ts';
import { Ec2Error } from '../wire/errors.ts';
import type { Parameters } from '../wire/parameters.ts';

/** The values of a record by the names of filters. */
export type Fields = Readonly<Record<string, readonly (string | undefined)[]>>;

/**
 * Combines the filters of a request into one predicate on records. A record must match every filter by at least one of its
 * values; `*` matches any characters and `?` any one character.
 * @param known the filter names of this action, besides those of tags
 * @throws Ec2Error InvalidParameterValue for an unknown filter name
 */
export function filtersOf(
  parameters: Parameters,
  known: readonly string[],
): (tags: Tags, fields: Fields) => boolean {
  const filters = parameters.structures('Filter').map((filter) => {
    const name = filter.required('Name');
    if (!known.includes(name) && name !== 'tag-key' && !name.startsWith('tag:')) {
      throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
    }
    return { name, patterns: filter.list('Value').map(patternOf) };
  });
  return (tags, fields) =>
    filters.every(({ name, patterns }) =>
      valuesOf(name, tags, fields).some((value) => patterns.some((pattern) => pattern.test(value))),
    );
}

function valuesOf(name: string, tags: Tags, fields: Fields): readonly string[] {
  if (name === 'tag-key') return Object.keys(tags);
  const values = name.startsWith('tag:') ? [tags[name.slice('tag:'.length)]] : (fields[name] ?? []);
  return values.filter((value) => value !== undefined);
}

function patternOf(value: string): RegExp {
  const literal = value.replace(/[\\^$.|+()[\]{}]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
}
