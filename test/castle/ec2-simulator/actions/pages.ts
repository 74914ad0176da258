import { Ec2Error } from '../wire/errors.ts';
import type { Parameters } from '../wire/parameters.ts';

/** A page of a list, and the token of the next page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextToken?: string;
}

/**
 * The page of a list that a request selects by MaxResults and NextToken. A token names the last record of its page, so that
 * records created or deleted between requests do not shift later pages.
 * @param list in the order of creation
 * @param ids the parameter that cannot be combined with pages
 * @throws Ec2Error InvalidParameterValue for MaxResults below 5 or an invalid token; InvalidParameterCombination
 */
export function pageOf<T extends { readonly id: string }>(
  parameters: Parameters,
  list: readonly T[],
  ids?: string,
): Page<T> {
  const size = parameters.integer('MaxResults');
  const token = parameters.text('NextToken');
  if (size === undefined && token === undefined) return { items: list };
  if (ids !== undefined && parameters.list(ids).length > 0) {
    throw new Ec2Error(
      'InvalidParameterCombination',
      `The parameter ${ids} cannot be used with the parameter MaxResults`,
    );
  }
  if (size !== undefined && size < 5) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value of at least 5.`,
    );
  }
  const begin = token === undefined ? 0 : list.findIndex(({ id }) => tokenOf(id) === token) + 1;
  if (token !== undefined && begin === 0) {
    throw new Ec2Error('InvalidParameterValue', 'Unable to parse pagination token');
  }
  const items = list.slice(begin, begin + Math.min(size ?? 1000, 1000));
  const last = items.at(-1);
  const isMore = last !== undefined && begin + items.length < list.length;
  return isMore ? { items, nextToken: tokenOf(last.id) } : { items };
}

const tokenOf = (id: string): string => Buffer.from(`after:${id}`).toString('base64url');
