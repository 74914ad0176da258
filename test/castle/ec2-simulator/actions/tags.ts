import type { Tags } from '../cloud/records.ts';
import { Ec2Error, invalidValue } from '../wire/errors.ts';
import type { Parameters } from '../wire/parameters.ts';
import type { Xml } from '../wire/xml.ts';

/** Limits of the EC2 User Guide: 50 tags for a resource, 128 characters in a key, 256 in a value, no prefix `aws:`. */
const limits = { number: 50, key: 128, value: 256 };

/** `Tag.1.Key` and `Tag.1.Value` of a request, or of a part of one. */
export function tagsOf(parameters: Parameters): Tags {
  const tags = Object.fromEntries(
    parameters.structures('Tag').map((tag) => [tag.required('Key'), tag.text('Value') ?? '']),
  );
  for (const [key, value] of Object.entries(tags)) {
    if (key.length > limits.key) throw invalidValue('key', key, 'exceeds the maximum length of 128');
    if (value.length > limits.value) throw invalidValue('value', value, 'exceeds the maximum length of 256');
    if (key.startsWith('aws:')) {
      throw new Ec2Error(
        'InvalidParameterValue',
        `Tag keys starting with 'aws:' are reserved for internal use`,
      );
    }
  }
  return checkNumber(tags);
}

/** The tags for a new resource, from `TagSpecification.1…`. */
export function specifiedTags(parameters: Parameters, type: 'volume' | 'snapshot'): Tags {
  return Object.assign(
    {},
    ...parameters.structures('TagSpecification').map((specification) => {
      const asked = specification.required('ResourceType');
      if (asked === type) return tagsOf(specification);
      throw new Ec2Error(
        'InvalidParameterValue',
        `'${asked}' is not a valid taggable resource type for this operation.`,
      );
    }),
  );
}

/** @throws Ec2Error TagLimitExceeded */
export function checkNumber(tags: Tags): Tags {
  if (Object.keys(tags).length <= limits.number) return tags;
  throw new Ec2Error('TagLimitExceeded', `The maximum number of tags for a resource is ${limits.number}.`);
}

export const tagSet = (tags: Tags): Xml =>
  Object.keys(tags).length === 0 ? undefined : Object.entries(tags).map(([key, value]) => ({ key, value }));
