import { Ec2Error } from '../wire/errors.ts';
import type { Parameters } from '../wire/parameters.ts';

/** A part of a list, and what to ask for the next part with. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextToken?: string;
}

/**
 * The part of a list that a request asks for with MaxResults and NextToken. A token names the last record of its page, so
 * what comes and goes meanwhile shifts nothing.
 * @param list in the order of ids' creation
 * @param ids parameter that excludes pages
 * @throws Ec2Error InvalidParameterValue for less than 5 or a token that is none; InvalidParameterCombination
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
